"""Both programs in turns on one repository and one cache."""

import json
import os
import stat

import compare
import matrix
import tree

# A new archive of the same files adds its metadata, and the stream chunks that hold what changed; bytes.
METADATA_LIMIT = 16 << 10


def run(report, work, sources, ours, oracle, full):
    for mode in matrix.MODES if full else ["none", "repokey-blake2", "keyfile"]:
        name = f"{mode}, in turns"
        if report.wants(name):
            Turns(report, work, sources, mode, ours, oracle).run(name)


class Turns:
    def __init__(self, report, work, sources, mode, ours, oracle):
        self.report, self.sources, self.mode, self.ours, self.oracle = report, sources, mode, ours, oracle
        self.work = work
        self.repository = os.path.join(work, f"{mode}-in-turns")
        self.archives = 0
        self.unique = 0
        self.previous = None

    def run(self, name):
        with self.report.case(f"{name}: ours makes the repository") as case:
            self.ours.run("init", "--encryption", self.mode, self.repository)
            self.create(self.ours)
        if not case.passed:
            return
        for turn, program in enumerate([self.oracle, self.ours, self.ours, self.oracle, self.oracle, self.ours]):
            with self.report.case(f"{name}: turn {turn + 1}, {program.name} creates"):
                self.again(program)
        for program in (self.ours, self.oracle):
            with self.report.case(f"{name}: {program.name} renames and deletes, the other goes on"):
                self.change(program, self.oracle if program is self.ours else self.ours)
        with self.report.case(f"{name}: both say the same of the repository"):
            self.say_the_same()
        with self.report.case(f"{name}: oracle verifies, both extract sparse files"):
            self.oracle.run("check", "--verify-data", self.repository)
            self.sparse()
        with self.report.case(f"{name}: the oracle finds nothing to repair in counts"):
            self.recount()
        tree.remove(self.repository)

    def create(self, program):
        self.archives += 1
        archive = f"{self.repository}::{program.name}-{self.archives}"
        done = program.run("create", "-v", "--list", "--json", archive, "tree", cwd=self.sources)
        no_resync(program, done)
        document = json.loads(done.output)
        unique = document["cache"]["stats"]["unique_csize"]
        growth, self.unique = unique - self.unique, unique
        listed = [line for line in done.errors.splitlines(keepends=True) if line[1:6] in (b" tree",)]
        return document["archive"]["stats"]["deduplicated_size"], growth, listed

    def again(self, program):
        size, growth, listed = self.create(program)
        assert size <= METADATA_LIMIT, f"the archive has {size} bytes of its own"
        assert 0 < growth <= METADATA_LIMIT, f"the repository grew by {growth} bytes"
        self.check_status(listed)
        if self.previous:
            difference = matrix.first_difference(b"".join(listed), b"".join(self.previous))
            assert listed == self.previous, f"--list differs from the turn before:\n{difference}"
        self.previous = listed

    def check_status(self, listed):
        """All files that are older than the newest one are unchanged."""
        root = os.path.join(self.sources, "tree")
        times = {}
        for path, entry in compare.scan(root).items():
            if entry["kind"] == stat.S_IFREG and len(entry["names"]) == 1 and b"\n" not in path:
                times[b"tree/" + path] = os.lstat(os.path.join(os.fsencode(self.sources), b"tree/" + path)).st_ctime_ns
        newest = max(times.values())
        status = {line[2:].rstrip(b"\n"): line[:1] for line in listed}
        for path, ctime in times.items():
            shown = path.decode(errors="replace").replace("\ufffd", "?").encode()
            if shown.count(b"?"):
                continue  # How the log shows what is no text is not the matter here.
            expected = b"U" if ctime < newest else b"A"
            assert status.get(path) == expected, f"{path!r}: status {status.get(path)!r}, not {expected!r}"

    def change(self, program, other):
        program.run("rename", f"{self.repository}::{self.names()[0]}", f"renamed by {program.name}")
        program.run("delete", f"{self.repository}::{self.names()[-1]}")
        for reader in (self.ours, self.oracle):
            assert f"renamed by {program.name}" in self.names(reader)
        no_resync(other, other.run("info", "-v", self.repository))
        no_resync(program, program.run("info", "-v", self.repository))
        self.unique = json.loads(other.run("info", "--json", self.repository).output)["cache"]["stats"]["unique_csize"]
        self.previous = None
        self.again(other)

    def names(self, program=None):
        done = (program or self.oracle).run("list", "--short", self.repository)
        return done.output.decode().splitlines()

    def say_the_same(self):
        last = self.names()[-1]
        for arguments in (
            ["list", self.repository], ["list", "--json", self.repository], ["info", self.repository],
            ["info", "--json", self.repository], ["info", f"{self.repository}::{last}"],
            ["info", "--json", f"{self.repository}::{last}"],
        ):
            ours, theirs = self.ours.run(*arguments).output, self.oracle.run(*arguments).output
            difference = matrix.first_difference(ours, theirs)
            assert ours == theirs, f"{' '.join(arguments)} differs:\n{difference}"

    def sparse(self):
        for program in (self.ours, self.oracle):
            target = os.path.join(self.work, "extracted")
            os.mkdir(target)
            try:
                program.run("extract", "--sparse", f"{self.repository}::{self.names()[-1]}", cwd=target)
                compare.assert_same(os.path.join(self.sources, "tree"), os.path.join(target, "tree"))
                path = os.path.join(os.fsencode(target), b"tree", tree.SPARSE)
                used = os.lstat(path).st_blocks * 512
                assert used < os.lstat(path).st_size // 2, f"{program.name}: the sparse file takes {used} bytes"
            finally:
                tree.remove(target)

    def recount(self):
        """The counts that both kept up to date are those that a resync finds."""
        before = json.loads(self.oracle.run("info", "--json", self.repository).output)["cache"]["stats"]
        for program in (self.ours, self.oracle):
            self.oracle.run("delete", "--cache-only", self.repository)
            done = program.run("info", "-v", self.repository)
            assert b"Synchronizing chunks cache" in done.errors + done.output, f"{program.name} did not resync"
            after = json.loads(self.oracle.run("info", "--json", self.repository).output)["cache"]["stats"]
            assert before == after, f"after a resync by {program.name}:\n{before}\n{after}"


def no_resync(program, done):
    assert b"Synchronizing chunks cache" not in done.errors + done.output, f"{program.name} had to resync"
