"""prune: random archives and random rules, and real Borg decides. The same archives stay, for the same reasons."""

import os
import random
import re
import tarfile
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from forking import ForkingProgram
from program import Program

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia",
         "America/Sao_Paulo", "Pacific/Kiritimati"]
ARCHIVES = 45
RULES = ["--keep-last", "--keep-secondly", "--keep-minutely", "--keep-hourly", "-H", "--keep-daily", "-d",
         "--keep-weekly", "-w", "--keep-monthly", "-m", "--keep-yearly", "-y"]


def run(report, work, ours, oracle, seed):
    name = "prune: the same archives stay"
    for number in (1, seed):
        if report.wants(name):
            with report.case(f"{name}, seed {number}"):
                folder = os.path.join(work, f"prune-{number}")
                os.mkdir(folder)
                Property(folder, ours, oracle, number).check()


class Property:
    def __init__(self, folder, ours, oracle, seed):
        self.random = random.Random(seed)
        self.folder = folder
        self.repository = os.path.join(folder, "repository")
        self.zone = self.random.choice(ZONES)
        self.ours = Program("ours", ours.path, os.path.join(folder, "ours"))
        self.oracle = ForkingProgram("oracle", oracle.path, os.path.join(folder, "oracle"))
        for program in (self.ours, self.oracle):
            program.environment["TZ"] = self.zone

    def check(self):
        assert os.path.exists(f"/usr/share/zoneinfo/{self.zone}"), "tzdata is missing"
        empty = os.path.join(self.folder, "empty.tar")
        tarfile.open(empty, "w").close()
        self.ours.run("init", "-e", "none", self.repository)
        for name, time in self.archives():
            self.ours.run("import-tar", "--timestamp", time, f"{self.repository}::{name}", empty)
        self.oracle.run("info", self.repository)
        for _ in range(24):
            self.compare(["--dry-run", *self.rules()])
        for zone in self.random.sample(ZONES, 3):
            for program in (self.ours, self.oracle):
                program.environment["TZ"] = zone
            for _ in range(4):
                self.compare(["--dry-run", *self.rules()])
        self.prune_really()
        self.oracle.close()

    def compare(self, options):
        words = ["prune", "--list", "-v", *options, self.repository]
        mine, theirs = self.ours.run(*words, code="any"), self.oracle.run(*words, code="any")
        told = [self.stable(result.errors) for result in (mine, theirs)]
        context = f"TZ={self.ours.environment['TZ']} borg {' '.join(words)}"
        different = [(a, b) for a, b in zip(*told) if a != b]
        assert not different, "\n".join([context] + [f"ours   {a}\noracle {b}" for a, b in different[:5]])
        assert mine.code == theirs.code and len(told[0]) == len(told[1]), (context, mine.code, theirs.code, told)

    def prune_really(self):
        """Ours deletes what real Borg said it would, and the repository is in order then."""
        rules = self.rules()
        said = self.oracle.run("prune", "--dry-run", "--list", *rules, self.repository).errors.decode()
        gone = set(re.findall(r"^Would prune: +(\S+)", said, re.M))
        before = self.names()
        self.ours.run("prune", *rules, self.repository)
        assert before - self.names() == gone, (rules, gone, before - self.names())
        self.oracle.run("check", self.repository)

    def names(self):
        listed = self.oracle.run("list", "--short", "--consider-checkpoints", self.repository)
        return set(listed.output.decode().split())

    @staticmethod
    def stable(errors):
        """An error of the command line comes with a usage block, which is compared elsewhere."""
        lines = errors.decode().splitlines()
        return lines[-1:] if lines and lines[0].startswith("usage:") else lines

    # Random choices

    def archives(self):
        times = [self.time() for _ in range(ARCHIVES)]
        for number, time in enumerate(times):
            if number % 9 == 8:
                time = times[number - 1]
            elif number % 9 == 7 and number < 9:
                time = times[number - 1] + timedelta(seconds=self.random.choice((1, 30, 60, 3599, 3600)))
            ending = self.random.choice(("", "", "", "", "", ".checkpoint", ".checkpoint.1"))
            yield f"{self.random.choice('ab')}-{number}{ending}", time.strftime("%Y-%m-%dT%H:%M:%S")

    def time(self):
        """UTC, mostly where it is hard: turns of ISO years, quarters and days by the zone's clock, changes of clocks."""
        kind = self.random.randrange(4)
        zone = ZoneInfo(self.zone)
        year = self.random.randrange(2004, 2026)
        if kind == 0:
            local = datetime(year, self.random.choice((1, 4, 7, 10, 12)), 1, tzinfo=zone)
            local += timedelta(days=self.random.choice((-4, -3, -2, -1, 0, 1, 2, 3, 4, 30)))
        elif kind == 1:
            local = self.clock_change(year, zone)
        else:
            recent = datetime.now(timezone.utc) - timedelta(days=self.random.choice((1, 7, 40, 400)))
            local = recent + timedelta(seconds=self.random.randrange(-86400, 86400))
        time = local.astimezone(timezone.utc) + timedelta(
            seconds=self.random.choice((-1, 0, 1, 59, 3600, -3600, 7199, self.random.randrange(-9999, 9999))))
        # No age may come to a whole number of hours while the two programs are run: --keep-within would tell them apart.
        age = (datetime.now(timezone.utc) - time) % timedelta(hours=1)
        return time + timedelta(minutes=10) if age > timedelta(minutes=50) else time

    def clock_change(self, year, zone):
        """The hour in which the zone's clocks change, once in that year, or any hour."""
        start = datetime(year, 1, 1, tzinfo=timezone.utc)
        hours = [start + timedelta(hours=hour) for hour in range(0, 8760, 6)]
        changes = [a for a, b in zip(hours, hours[1:])
                   if a.astimezone(zone).utcoffset() != b.astimezone(zone).utcoffset()]
        base = self.random.choice(changes or hours)
        return base + timedelta(minutes=30 * self.random.randrange(13))

    def rules(self):
        chosen = []
        for rule in self.random.sample(RULES, self.random.randrange(0, 5)):
            chosen += [rule, str(self.random.choice((-1, 0, 1, 2, 3, 5, 9, 20)))]
        if self.random.randrange(3) == 0:
            chosen += [self.random.choice(("--keep-13weekly", "--keep-3monthly")), str(self.random.randrange(-1, 7))]
        if self.random.randrange(3) == 0 or not chosen:
            unit = self.random.choice("Hdwmy")
            chosen += ["--keep-within", f"{self.random.randrange(1, 60)}{unit}"]
        chosen += self.random.choice(([], [], ["-a", "a-*"], ["-P", "b-"], ["-a", "*-1*"], ["-a", "[!a]-??"]))
        return chosen
