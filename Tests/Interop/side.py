"""One program in a working directory of its own; the directories' names are equally long, so nothing shifts."""

import os
import subprocess

from forking import ForkServer

BASE = {
    "PATH": os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin"),
    "TZ": "Europe/Berlin",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "COLUMNS": "100",
    "BORG_PASSPHRASE": "between two programs",
    "BORG_HOST_ID": "both@1",
    "BORG_HOSTNAME": "host",
    "BORG_USERNAME": "somebody",
    "BORG_SELFTEST": "disabled",
}


class Side:
    """A program, called by the path `WORK/NAME/bin/borg`: archives store it. `forks`: it is real Borg, and need not be started
    anew where the environment is the usual one."""

    def __init__(self, work, name, program, forks=False):
        self.name = name
        self.work = os.path.join(work, name)
        self.program = os.path.join(self.work, "bin", "borg")
        os.makedirs(os.path.dirname(self.program))
        for name in ("borg", "borgfs"):
            os.symlink(os.path.abspath(program), os.path.join(self.work, "bin", name))
        self.server = ForkServer(self.program, self.environment(work)) if forks else None

    def environment(self, place, changes=()):
        found = dict(BASE, HOME=os.path.join(place, "home"), BORG_BASE_DIR=os.path.join(place, "home"))
        found["PATH"] = os.path.dirname(self.program) + os.pathsep + found["PATH"]
        found["PLACE"] = place
        for name, value in changes:
            found.pop(name, None)
            if value is not None:
                found[name] = value
        return found

    def run(self, place, arguments, cwd, changes=(), stdin=b"", timeout=120):
        """(rc, stdout, stderr) of one command; `arguments` begins with the program."""
        program = os.path.join(os.path.dirname(self.program), arguments[0])
        words = [program if os.path.exists(program) else arguments[0], *arguments[1:]]
        if self.server and words[0] == program and not changes:
            return self.server.run(words, cwd, self.environment(place), stdin, timeout)
        done = subprocess.run(
            words, cwd=cwd, env=self.environment(place, changes), input=stdin,
            capture_output=True, timeout=timeout, check=False, start_new_session=True)
        return done.returncode, done.stdout, done.stderr
