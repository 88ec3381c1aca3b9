"""A real sshd on loopback, with keys, port and configuration that are thrown away afterwards."""

import getpass
import os
import shutil
import socket
import subprocess
import time


class SSHServer:
    """`with SSHServer(directory, home) as server:`; `server.location(path)` and `server.rsh` reach it."""

    def __init__(self, directory, home):
        self.directory, self.home = directory, home
        self.port = None
        self.process = None
        self.rsh = self.path("rsh")

    def path(self, name):
        return os.path.join(self.directory, name)

    def __enter__(self):
        os.makedirs(self.directory, mode=0o700)
        for name in ("host", "client"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.path(name)], check=True)
        shutil.copy(self.path("client.pub"), self.path("authorized"))
        self.port = free_port()
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        self.write("config", f"""\
Port {self.port}
ListenAddress 127.0.0.1
HostKey {self.path("host")}
AuthorizedKeysFile {self.path("authorized")}
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100
SetEnv HOME={self.home} BORG_BASE_DIR={self.home} LC_ALL=C.UTF-8
""")
        with open(self.path("host.pub"), encoding="utf-8") as key:
            self.write("known", f"[127.0.0.1]:{self.port} {' '.join(key.read().split()[:2])}\n")
        self.script("rsh", f"""\
echo $$ >{self.path("ssh.pid")}
exec ssh -F none -i {self.path("client")} -o UserKnownHostsFile={self.path("known")} -o StrictHostKeyChecking=yes \
-o IdentitiesOnly=yes -o BatchMode=yes "$@"
""")
        self.start()
        return self

    def start(self):
        with open(self.path("log"), "wb") as log:
            self.process = subprocess.Popen(
                [shutil.which("sshd") or "/usr/sbin/sshd", "-D", "-e", "-f", self.path("config")], stdout=log,
                stderr=log, stdin=subprocess.DEVNULL)
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        with open(self.path("log"), encoding="utf-8", errors="replace") as log:
            raise RuntimeError(f"sshd does not start: {log.read()}")

    def __exit__(self, *_):
        if self.process:
            self.process.terminate()
            self.process.wait()

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def script(self, name, text):
        self.write(name, "#!/bin/sh\n" + text)
        os.chmod(self.path(name), 0o755)

    def serving(self, program):
        """A path for --remote-path that runs `program` and notes its process id."""
        name = f"serve-{program.name}"
        self.script(name, f'echo $$ >{self.path("server.pid")}\nexec {program.path} "$@"\n')
        return self.path(name)

    def location(self, path):
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}{path}"

    def pid(self, name):
        """Of the last `ssh` or `server`; None when there was none yet."""
        try:
            with open(self.path(f"{name}.pid"), encoding="utf-8") as file:
                return int(file.read())
        except (FileNotFoundError, ValueError):
            return None

    def forget_pids(self):
        for name in ("ssh", "server"):
            if os.path.exists(self.path(f"{name}.pid")):
                os.unlink(self.path(f"{name}.pid"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
