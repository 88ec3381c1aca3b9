"""Every encryption mode with every compression: one program creates, the other reads, both ways."""

import json
import os
import stat

import compare
import tree

MODES = ["none", "authenticated", "authenticated-blake2", "repokey", "keyfile", "repokey-blake2", "keyfile-blake2"]
COMPRESSIONS = [
    "none", "lz4", "zstd,3", "zlib,6", "lzma,3", "auto,zstd,3", "auto,lzma,2", "obfuscate,110,zstd,1",
    "obfuscate,3,none",
]


def run(report, work, sources, ours, oracle, full):
    for number, mode in enumerate(MODES):
        for maker, reader in ((ours, oracle), (oracle, ours)):
            # The whole tree once with each compression over all modes, or always.
            trees = COMPRESSIONS if full else [COMPRESSIONS[(number + 1) % len(COMPRESSIONS)]]
            Combination(report, work, sources, mode, maker, reader, oracle).run(trees)


class Combination:
    def __init__(self, report, work, sources, mode, maker, reader, oracle):
        self.report, self.work, self.sources, self.mode = report, work, sources, mode
        self.maker, self.reader, self.oracle = maker, reader, oracle
        self.repository = os.path.join(work, f"{mode}-by-{maker.name}")

    def name(self, what):
        return f"{self.mode}, {what}"

    def run(self, trees):
        created = [f"{self.maker.name} creates and {self.reader.name} extracts {compression}"
                   for compression in COMPRESSIONS]
        whole = [f"{self.maker.name} creates and {self.reader.name} extracts all kinds of files with {compression}"
                 for compression in trees]
        checked = f"oracle verifies what {self.maker.name} wrote"
        if not any(self.report.wants(self.name(what)) for what in created + whole + [checked]):
            return
        with self.report.case(self.name(f"{self.maker.name} makes the repository")) as case:
            self.maker.run("init", "--encryption", self.mode, self.repository)
        if not case.passed:
            return
        for number, (what, compression) in enumerate(zip(created, COMPRESSIONS)):
            if self.report.wants(self.name(what)):
                with self.report.case(self.name(what)):
                    self.data(f"data-{number}", compression)
        for what, compression in zip(whole, trees):
            if self.report.wants(self.name(what)):
                with self.report.case(self.name(what)):
                    self.tree(compression)
        with self.report.case(self.name(checked)):
            self.oracle.run("check", "--verify-data", self.repository)
        tree.remove(self.repository)

    def data(self, name, compression):
        self.maker.run("create", "--compression", compression, f"{self.repository}::{name}", name, cwd=self.sources)
        self.extract(name, name)

    def tree(self, compression):
        archive = f"tree {compression}"
        self.maker.run(
            "create", "--compression", compression, f"{self.repository}::{archive}", "tree", cwd=self.sources)
        self.extract(archive, "tree")
        self.listed(archive)

    def extract(self, archive, name, *options):
        target = os.path.join(self.work, "extracted")
        os.mkdir(target)
        try:
            self.reader.run("extract", *options, f"{self.repository}::{archive}", cwd=target)
            compare.assert_same(os.path.join(self.sources, name), os.path.join(target, name))
        finally:
            tree.remove(target)

    def listed(self, archive):
        """Both list the same, line by line, and nothing is missing."""
        path = f"{self.repository}::{archive}"
        entries = compare.scan(os.path.join(self.sources, "tree")).values()
        expected = 1 + sum(entry["kind"] != stat.S_IFSOCK for entry in entries)
        for options, end in (([], None), (["--json-lines"], b"\n"), (["--format", "{path}{NUL}"], b"\0")):
            ours = parsed(self.maker.run("list", *options, path).output, options)
            theirs = parsed(self.reader.run("list", *options, path).output, options)
            assert ours == theirs, f"list {' '.join(options)} differs:\n{first_difference(ours, theirs)}"
            assert end is None or ours.count(end) == expected, f"{ours.count(end)} entries listed, not {expected}"


def parsed(output, options):
    """JSON with sorted keys: Borg's come in another order each time."""
    if "--json-lines" not in options:
        return output
    return b"".join(json.dumps(json.loads(line), sort_keys=True).encode() + b"\n" for line in output.splitlines())


def first_difference(a, b):
    for one, other in zip(a.splitlines(), b.splitlines()):
        if one != other:
            return f"{one!r}\n{other!r}"
    return f"{len(a)} and {len(b)} bytes"
