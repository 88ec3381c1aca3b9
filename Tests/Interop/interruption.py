"""A program is killed in the middle of `create`; then both must go on as if nothing had been."""

import os
import random
import signal
import time

import compare
import tree

MODE = "repokey-blake2"


def run(report, work, ours, oracle, full, seed):
    name = "killed"
    if not any(report.wants(f"{name} {victim.name}") for victim in (ours, oracle)):
        return
    for victim, rounds in ((ours, 40 if full else 12), (oracle, 10 if full else 3)):
        Interruptions(report, work, victim, ours, oracle, f"{seed} {victim.name}").run(rounds)


class Interruptions:
    def __init__(self, report, work, victim, ours, oracle, seed):
        self.report, self.victim, self.ours, self.oracle = report, victim, ours, oracle
        self.random = random.Random(seed)
        self.work = os.path.join(work, f"killed-{victim.name}")
        self.repository = os.path.join(self.work, "repository")
        self.sources = os.path.join(self.work, "sources")
        self.count = 0

    def run(self, rounds):
        with self.report.case(f"killed {self.victim.name}: first archives") as case:
            os.makedirs(self.sources)
            self.ours.run("init", "--encryption", MODE, self.repository)
            self.change()
            self.create(self.ours)
            self.change()
            start = time.monotonic()
            assert self.start(str(self.count)).wait() == 0
            duration = time.monotonic() - start
        if not case.passed:
            return
        for number in range(rounds):
            following = (self.ours, self.oracle)[number % 2]
            delay = self.random.uniform(0, duration * 1.05)
            name = f"killed {self.victim.name}: after {delay:.3f} s, then {following.name}"
            if self.report.wants(name):
                with self.report.case(name):
                    self.kill(delay, following)
        with self.report.case(f"killed {self.victim.name}: all archives are whole"):
            self.oracle.run("check", "--verify-data", self.repository)
        tree.remove(self.work)

    def change(self):
        """Some files that were never there before, and one that changes."""
        self.count += 1
        directory = os.path.join(self.sources, f"set-{self.count}")
        os.mkdir(directory)
        for number in range(300):
            with open(os.path.join(directory, f"file-{number}"), "wb") as file:
                file.write(self.random.randbytes(self.random.randrange(1, 20_000)))
        with open(os.path.join(self.sources, "changing"), "wb") as file:
            file.write(self.random.randbytes(20_000_000))

    def create(self, program):
        archive = f"{self.repository}::{self.count}"
        program.run("create", "--compression", "zstd,3", archive, "sources", cwd=self.work)

    def start(self, archive):
        return self.victim.start(
            "create", "--compression", "zstd,3", "--checkpoint-interval", "1", f"{self.repository}::{archive}", "sources",
            cwd=self.work)

    def kill(self, delay, following):
        self.change()
        started = self.start(f"{self.count}-killed")
        time.sleep(delay)
        started.send_signal(signal.SIGKILL)
        started.wait()
        other = self.oracle if following is self.ours else self.ours
        following.run("list", self.repository)
        self.create(following)
        other.run("list", f"{self.repository}::{self.count}")
        self.oracle.run("check", self.repository)
        target = os.path.join(self.work, "extracted")
        os.mkdir(target)
        try:
            other.run("extract", f"{self.repository}::{self.count}", cwd=target)
            compare.assert_same(self.sources, os.path.join(target, "sources"))
        finally:
            tree.remove(target)
