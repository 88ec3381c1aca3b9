"""What a client does with a repository behind ssh, and what happens when the connection is killed."""

import contextlib
import os
import random
import signal
import subprocess
import time

import compare
import tree

MODES = ["repokey-blake2", "none", "keyfile"]


class Pair:
    """One client and one server over `ssh`; `oracle` looks at the repository's files locally in the end."""

    def __init__(self, report, work, ssh, client, server, oracle, seed):
        self.report, self.work, self.ssh = report, work, ssh
        self.client, self.server, self.oracle = client, server, oracle
        self.random = random.Random(f"{seed} {client.name} {server.name}")
        self.title = f"{client.name} to {server.name}"
        self.sources = os.path.join(work, "sources")
        client.environment["BORG_RSH"] = ssh.rsh
        client.environment["BORG_REMOTE_PATH"] = ssh.serving(server)
        client.environment["BORG_CHECK_I_KNOW_WHAT_I_AM_DOING"] = "YES"

    def case(self, name):
        return self.report.case(f"{self.title}: {name}")

    def repository(self, name):
        path = os.path.join(self.work, f"{name}-{self.client.name}-{self.server.name}")
        return path, self.ssh.location(path)

    def run(self, kills):
        self.make_sources()
        for mode in MODES:
            self.commands(mode, whole=mode == MODES[0])
        self.restrictions()
        self.mount()
        self.killed(kills)
        tree.remove(self.sources)

    def make_sources(self):
        os.makedirs(self.sources)
        for number in range(300):
            self.file(f"small-{number}", self.random.randrange(1, 8_000))
        self.file("large", 8_000_000)
        os.symlink("large", os.path.join(self.sources, "link"))

    def file(self, name, size):
        with open(os.path.join(self.sources, name), "wb") as file:
            file.write(self.random.randbytes(size))

    def commands(self, mode, whole):
        """The life of one repository, or only its youth."""
        path, url = self.repository(mode)
        run = self.client.run
        with self.case(f"{mode}: init, create, list, extract"):
            run("init", "--encryption", mode, url)
            run("create", f"{url}::first", "sources", cwd=self.work)
            self.file("changed", 100_000)
            run("create", f"{url}::second", "sources", cwd=self.work)
            assert run("list", "--short", url).output == b"first\nsecond\n"
            self.extract(f"{url}::second")
            run("extract", "--dry-run", f"{url}::first")
            run("info", f"{url}::second")
        if whole:
            self.changes(mode, path, url)
        with self.case(f"{mode}: the oracle finds nothing wrong"):
            self.oracle.run("check", "--verify-data", path)
        tree.remove(path)

    def changes(self, mode, path, url):
        run = self.client.run
        with self.case(f"{mode}: rename, prune, delete, compact, check"):
            run("rename", f"{url}::first", "renamed")
            run("prune", "--keep-last", "1", url)
            assert run("list", "--short", url).output == b"second\n"
            run("create", f"{url}::third", "sources", cwd=self.work)
            run("delete", f"{url}::second")
            run("compact", "--threshold", "0", url)
            run("check", "--verify-data", url)
            self.extract(f"{url}::third")
        with self.case(f"{mode}: a damaged segment is found and mended"):
            damage(path)
            run("check", url, code=1)
            run("check", "--repair", url, code=None)
            run("check", url)
        with self.case(f"{mode}: break-lock"):
            os.mkdir(os.path.join(path, "lock.exclusive"))
            with open(os.path.join(path, "lock.exclusive", "elsewhere@1.1-0"), "wb"):
                pass
            run("--lock-wait", "0", "list", url, code=2)
            run("break-lock", url)
            run("list", url)

    def extract(self, archive):
        target = os.path.join(self.work, "extracted")
        os.mkdir(target)
        try:
            self.client.run("extract", archive, cwd=target)
            compare.assert_same(self.sources, os.path.join(target, "sources"))
        finally:
            tree.remove(target)

    def restrictions(self):
        """A forced command confines the client to its own directory."""
        with self.case("a forced command confines"):
            path, url = self.repository("confined")
            self.ssh.script("forced", f'exec {self.server.path} serve --restrict-to-path {path}\n')
            with open(self.ssh.path("client.pub"), encoding="utf-8") as key:
                self.ssh.write("authorized", f'command="{self.ssh.path("forced")}",restrict {key.read()}')
            try:
                self.client.run("init", "--encryption", "none", url)
                refused = self.client.run("init", "--encryption", "none", f"{url}-2", code=2)
                assert b"Repository path not allowed" in refused.errors, refused.errors
            finally:
                with open(self.ssh.path("client.pub"), encoding="utf-8") as key:
                    self.ssh.write("authorized", key.read())
                tree.remove(path)

    def mount(self):
        path, url = self.repository("mounted")
        point = os.path.join(self.work, "point")
        if not os.access("/dev/fuse", os.W_OK):
            self.report.note("not on this machine: /dev/fuse")
            return
        if self.client.name not in ("ours", "oracle"):
            self.report.note("an older client comes without a FUSE library")
            return
        with self.case("mount"):
            self.client.run("init", "--encryption", "none", url)
            self.client.run("create", f"{url}::one", "sources", cwd=self.work)
            os.mkdir(point)
            self.client.run("mount", f"{url}::one", point)
            try:
                wait_until(lambda: os.path.ismount(point))
                self.assert_mounted(os.path.join(point, "sources"))
            finally:
                self.client.run("umount", point)
            wait_until(lambda: not os.path.exists(os.path.join(path, "lock.roster")))
        if self.client.name == "ours":
            self.idle_mount(path, url, point)
        os.rmdir(point)
        tree.remove(path)

    def assert_mounted(self, folder):
        done = subprocess.run(
            ["diff", "-r", "--no-dereference", self.sources, folder], capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]

    def idle_mount(self, path, url, point):
        """A mount that nobody uses stops nobody, and what is read afterwards is right."""
        def locks():
            return [name for name in os.listdir(path) if name.startswith("lock.")]

        with self.case("an idle mount stops no writer"):
            self.client.run("mount", url, point)
            try:
                wait_until(lambda: os.path.ismount(point))
                assert os.listdir(point) == ["one"]
                with open(os.path.join(point, "one", "sources", "large"), "rb") as opened:
                    first = opened.read(1000)
                    wait_until(lambda: not locks(), seconds=30)
                    self.client.run("create", f"{url}::two", "sources", cwd=self.work)
                    self.client.run("create", f"{url}::three", "sources", cwd=self.work)
                    self.client.run("delete", f"{url}::one")
                    self.client.run("compact", "--threshold", "0", url)
                    wait_until(lambda: sorted(os.listdir(point)) == ["three", "two"], seconds=30)
                    opened.seek(4_000_000)
                    rest = opened.read()
                with open(os.path.join(self.sources, "large"), "rb") as original:
                    content = original.read()
                assert first == content[:1000] and rest == content[4_000_000:]
                self.assert_mounted(os.path.join(point, "three", "sources"))
            finally:
                self.client.run("umount", point)
            wait_until(lambda: not locks())

    def killed(self, kills):
        path, url = self.repository("killed")
        with self.case("killed: first archive") as case:
            self.client.run("init", "--encryption", "repokey-blake2", url)
            self.file("changed", 5_000_000)
            start = time.monotonic()
            self.client.run("create", f"{url}::0", "sources", cwd=self.work)
            duration = time.monotonic() - start
        if not case.passed:
            return
        kept = ["0"]
        for number in range(1, kills + 1):
            victim = ("ssh", "server", "client")[number % 3]
            delay = self.random.uniform(0.1, 1) * duration
            with self.case(f"killed: {victim} after {delay:.3f} s"):
                self.kill(url, number, victim, delay)
                wait = ("--lock-wait", "20")
                self.client.run(*wait, "create", f"{url}::{number}", "sources", cwd=self.work)
                kept.append(str(number))
                present = self.client.run(*wait, "list", "--short", url).output.decode().split()
                assert [name for name in present if name.isdigit()] == kept, f"{present}, not {kept}"
        with self.case("killed: all archives are whole"):
            self.client.run("check", "--verify-data", url)
            self.oracle.run("check", "--verify-data", path)
            self.extract(f"{url}::{kills}")
        tree.remove(path)

    def kill(self, url, number, victim, delay):
        self.file("changed", 5_000_000)
        self.ssh.forget_pids()
        started = self.client.start("create", f"{url}::killed-{number}", "sources", cwd=self.work)
        time.sleep(delay)
        process = started.pid if victim == "client" else self.ssh.pid(victim)
        if process and (victim != "client" or started.poll() is None):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        code = started.wait(timeout=60)
        assert code in (0, 2, -signal.SIGKILL), f"the client ended with {code}"


def damage(repository):
    """Flips a bit in the middle of the largest segment."""
    data = os.path.join(repository, "data")
    files = [os.path.join(folder, name) for folder, _, names in os.walk(data) for name in names]
    with open(max(files, key=os.path.getsize), "r+b") as file:
        file.seek(os.fstat(file.fileno()).st_size // 2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))


def wait_until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
