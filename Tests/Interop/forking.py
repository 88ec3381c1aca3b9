"""Real Borg, imported once and forked for each command line: hundreds of runs cost as much as some dozen starts."""

import json
import os
import subprocess
import tempfile

from program import Program, Result

SERVER = r"""
import json, os, sys, traceback
import borg.archiver
requests = os.fdopen(os.dup(0))
answers = os.fdopen(os.dup(1), "w")
nothing = os.open(os.devnull, os.O_RDWR)
for target in (0, 1):
    os.dup2(nothing, target)
for line in requests:
    request = json.loads(line)
    child = os.fork()
    if child == 0:
        code = 70
        try:
            os.dup2(os.open(request["output"], os.O_WRONLY | os.O_TRUNC), 1)
            os.dup2(os.open(request["errors"], os.O_WRONLY | os.O_TRUNC), 2)
            os.chdir(request["cwd"])
            os.environ.clear()
            os.environ.update(request["environment"])
            import time
            time.tzset()
            sys.stdout, sys.stderr = (os.fdopen(fd, "w", encoding="utf-8", errors="surrogateescape") for fd in (1, 2))
            # Borg wraps them; the originals must not be closed by that.
            sys.__stdout__, sys.__stderr__ = sys.stdout, sys.stderr
            sys.argv = ["borg"] + request["arguments"]
            borg.archiver.main()
        except SystemExit as ending:
            code = ending.code if isinstance(ending.code, int) else 0 if ending.code is None else 1
        except BaseException:
            traceback.print_exc()
        finally:
            for stream in (sys.stdout, sys.stderr):
                try:
                    stream.flush()
                except Exception:
                    pass
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    answers.write(json.dumps(code) + "\n")
    answers.flush()
"""


class ForkingProgram(Program):
    """`path` is the borg of a virtual environment; the environment is taken anew for each run."""

    def __init__(self, name, path, home):
        super().__init__(name, path, home)
        self.output, self.errors = (tempfile.NamedTemporaryFile(prefix="borg-") for _ in range(2))
        python = os.path.join(os.path.dirname(os.path.realpath(path)), "python")
        self.server = subprocess.Popen(
            [python, "-c", SERVER], env=self.environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def run(self, *arguments, cwd="/", code=0, timeout=None):
        del timeout
        request = {"arguments": list(map(str, arguments)), "cwd": str(cwd), "environment": self.environment,
                   "output": self.output.name, "errors": self.errors.name}
        self.server.stdin.write(json.dumps(request) + "\n")
        self.server.stdin.flush()
        answer = self.server.stdout.readline()
        assert answer, "real Borg's process has ended"
        with open(self.output.name, "rb") as output, open(self.errors.name, "rb") as errors:
            result = Result(json.loads(answer), output.read(), errors.read())
        if code != "any" and result.code not in ((0, 1) if code is None else (code,)):
            said = (result.output[-2000:] + result.errors[-3000:]).decode(errors="replace")
            raise AssertionError(f"{self.name} {' '.join(map(str, arguments))}: rc {result.code}\n{said}")
        return result

    def close(self):
        self.server.stdin.close()
        self.server.wait()
        self.server.stdout.close()
        self.output.close()
        self.errors.close()
