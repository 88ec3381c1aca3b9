"""One of the two programs, with the home that both share."""

import os
import subprocess


class Result:
    def __init__(self, code, output, errors):
        self.code = code
        self.output = output
        self.errors = errors


class Program:
    def __init__(self, name, path, home):
        self.name = name
        self.path = os.path.abspath(path) if os.path.sep in path else path
        self.environment = {
            "PATH": os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin"),
            "HOME": home,
            "BORG_BASE_DIR": home,
            "BORG_PASSPHRASE": "between two programs",
            "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
            "BORG_DELETE_I_KNOW_WHAT_I_AM_DOING": "YES",
            "BORG_SELFTEST": "disabled",
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
        }

    def start(self, *arguments, cwd):
        """Starts it without waiting."""
        return subprocess.Popen(
            [self.path, *arguments], cwd=cwd, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def run(self, *arguments, cwd="/", code=0, timeout=1800):
        """Runs it; fails the case when it does not exit with `code`: None is success or warnings, "any" whatever."""
        result = self.finish([self.path, *arguments], cwd, timeout)
        if code != "any" and result.code not in ((0, 1) if code is None else (code,)):
            said = (result.output[-2000:] + result.errors[-3000:]).decode(errors="replace")
            raise AssertionError(f"{self.name} {' '.join(map(str, arguments))}: rc {result.code}\n{said}")
        return result

    def finish(self, words, cwd, timeout):
        """The result of a command line, whatever it is."""
        done = subprocess.run(
            words, cwd=cwd, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout,
            check=False)
        return Result(done.returncode, done.stdout, done.stderr)

    def version(self):
        return f"{self.name}: {self.run('--version').output.decode().strip()}"
