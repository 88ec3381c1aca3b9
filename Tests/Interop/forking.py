"""Real Borg, imported once and forked for each command line: hundreds of runs cost as much as some dozen starts."""

import json
import os
import socket
import subprocess
import tempfile

from program import Program, Result

# Each request comes as four descriptors, of which the first is its own connection: words, folder and environment go in, the
# exit code comes out. The others are stdin, stdout and stderr.
SERVER = r"""
import gc, json, os, random, runpy, signal, socket, sys, time
sys.path = [place for place in sys.path if place]
import borg.archiver
gc.freeze()
control = socket.socket(fileno=int(sys.argv[1]))
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    message, descriptors, _, _ = socket.recv_fds(control, 1, 4)
    if not message:
        os._exit(0)
    if os.fork() == 0:
        break
    for descriptor in descriptors:
        os.close(descriptor)
control.close()
signal.signal(signal.SIGCHLD, signal.SIG_DFL)
connection = socket.socket(fileno=descriptors[0])
with connection.makefile() as lines:
    request = json.loads(lines.readline())
child = os.fork()
if child:
    for descriptor in descriptors[1:]:
        os.close(descriptor)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    connection.sendall(json.dumps(code).encode() + b"\n")
    os._exit(0)
connection.close()
os.setsid()
for target, descriptor in enumerate(descriptors[1:]):
    os.dup2(descriptor, target)
    os.close(descriptor)
os.chdir(request["cwd"])
os.environ.clear()
os.environ.update(request["environment"])
time.tzset()
random.seed()
sys.argv = request["words"]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


class ForkServer:
    """`program` is the borg of a virtual environment. What Borg reads of its environment when it is imported it has from here:
    host and user, the kind of exit codes, workarounds. May be used by several threads at a time."""

    def __init__(self, program, environment):
        python = os.path.join(os.path.dirname(os.path.realpath(program)), "python")
        self.control, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with other:
            self.process = subprocess.Popen(
                [python, "-c", SERVER, str(other.fileno())], env=environment, pass_fds=[other.fileno()],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def run(self, words, cwd, environment, stdin=b"", timeout=1800):
        """(rc, stdout, stderr) of one command; `words` begins with the program's path, `stdin` is short."""
        ours, theirs = socket.socketpair()
        readable, writable = os.pipe()
        with ours, tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            with theirs, open(readable, "rb"):
                with open(writable, "wb") as pipe:
                    pipe.write(stdin)
                socket.send_fds(self.control, [b"r"], [theirs.fileno(), readable, output.fileno(), errors.fileno()])
            ours.settimeout(timeout)
            request = {"words": list(map(str, words)), "cwd": str(cwd), "environment": environment}
            with ours.makefile("rw") as lines:
                lines.write(json.dumps(request) + "\n")
                lines.flush()
                answer = lines.readline()
            assert answer, "real Borg's process has ended"
            for file in (output, errors):
                file.seek(0)
            return json.loads(answer), output.read(), errors.read()

    def close(self):
        self.control.close()
        self.process.wait()


class ForkingProgram(Program):
    """The environment is taken anew for each run. `start` does start it."""

    def __init__(self, name, path, home):
        super().__init__(name, path, home)
        self.server = ForkServer(path, self.environment)

    def finish(self, words, cwd, timeout):
        return Result(*self.server.run(words, cwd, self.environment, timeout=timeout))

    def close(self):
        self.server.close()
