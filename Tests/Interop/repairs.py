"""check --repair: a damaged repository is copied, ours repairs one copy and real Borg the other. Both must end alike."""

import glob
import json
import os
import random
import re
import shutil

import segments
from forking import ForkingProgram
from program import Program

MODE = "repokey-blake2"
# The first byte of all its objects.
TYPE = b"\5"
FILES = 1800


def make(folder, ours):
    """Three archives in many small segments. One's item metadata are several chunks."""
    chance = random.Random(7)
    source = os.path.join(folder, "source")
    os.makedirs(source)
    for number in range(FILES):
        with open(os.path.join(source, f"file-{number}-{'n' * 150}-{chance.getrandbits(64):x}"), "wb") as out:
            out.write(b"content %d" % (number % 50))
    for name, size in (("a", 90_000), ("b", 700_000)):
        with open(os.path.join(source, name), "wb") as out:
            out.write(chance.randbytes(size))
    ours.run("init", "-e", MODE, "repository", cwd=folder)
    config = os.path.join(folder, "repository", "config")
    with open(config) as file:
        text = file.read()
    with open(config, "w") as file:
        file.write(re.sub(r"max_segment_size = \d+", "max_segment_size = 200000", text))
    parameters = ["--chunker-params", "10,16,14,4095", "--timestamp"]
    ours.run("create", *parameters, "2026-01-01T00:00:00", "repository::many", "source", cwd=folder)
    os.remove(os.path.join(source, "a"))
    ours.run("create", *parameters, "2026-01-02T00:00:00", "repository::second", "source", cwd=folder)
    ours.run("create", *parameters, "2026-01-03T00:00:00", "repository::few", "source/b", cwd=folder)
    ours.run("create", *parameters, "2026-01-04T00:00:00", "repository::gone", "source/b", cwd=folder)
    ours.run("delete", "repository::gone", cwd=folder)
    shutil.rmtree(source)


class Contents:
    """What the repository holds, as long as it is whole."""

    def __init__(self, folder, oracle):
        path = os.path.join(folder, "repository")
        listed = oracle.run("list", "--format", "{name} {id}{NL}", path).output.decode()
        self.ids = dict(line.split() for line in listed.splitlines())
        self.archives = {
            name: json.loads(oracle.run("debug", "dump-archive", f"{path}::{name}", "-", cwd=folder).output)
            for name in self.ids}
        assert len(self.archives["many"]["_meta"]["items"]) > 1


class Subject:
    """The copy to damage."""

    def __init__(self, folder, oracle, contents):
        self.folder, self.oracle, self.contents = folder, oracle, contents
        self.path = os.path.join(folder, "repository")
        self.objects = segments.objects(self.path)

    def archive_id(self, name):
        return bytes.fromhex(self.contents.ids[name])

    def item_ids(self, name):
        return [identity(word) for word in self.metadata(name)]

    def metadata(self, name):
        return self.contents.archives[name]["_meta"]["items"]

    def data_ids(self, name, path):
        for item in self.contents.archives[name]["_items"]:
            if item["path"].endswith(path):
                return [identity(chunk[0]) for chunk in item["chunks"]]
        raise AssertionError(path)

    def index_files(self, kind):
        return glob.glob(os.path.join(self.path, f"{kind}.*"))

    # Damage

    def flip_data(self, key):
        entry = self.objects[key]
        segments.flip(entry.path, entry.data_offset + (entry.end - entry.data_offset) // 2)

    def flip_header(self, key, offset):
        entry = self.objects[key]
        segments.flip(entry.path, entry.offset + offset)

    def lose(self, *keys):
        self.oracle.run("debug", "delete-obj", self.path, *[key.hex() for key in keys])

    def put(self, key, content):
        path = os.path.join(self.folder, "object")
        with open(path, "wb") as out:
            out.write(content)
        self.oracle.run("debug", "put-obj", self.path, key.hex(), path)

    def content(self, key):
        return segments.read(self.objects[key])[41:]


def identity(word):
    """Dumps write bytes as hexadecimal digits behind a DEL."""
    return bytes.fromhex(word.lstrip("\x7f"))


def header_of(offset):
    return lambda s: s.flip_header(s.data_ids("many", "/b")[1], offset)


def truncate(number, keep):
    def damage(s):
        path = segments.files(s.path)[number]
        os.truncate(path, int(os.path.getsize(path) * keep))
    return damage


def remove(kind):
    def damage(s):
        for path in s.index_files(kind):
            os.remove(path)
    return damage


def garble(kind):
    def damage(s):
        for path in s.index_files(kind):
            for offset in range(30, min(200, os.path.getsize(path)), 17):
                segments.flip(path, offset)
    return damage


def empty(kind):
    def damage(s):
        for path in s.index_files(kind):
            os.truncate(path, 0)
    return damage


def zeroed(s):
    path = segments.files(s.path)[2]
    with open(path, "r+b") as file:
        file.write(bytes(os.path.getsize(path)))


def twice(s):
    """The same object in a later segment, and the commit behind it."""
    entry = s.objects[s.data_ids("many", "/b")[0]]
    segments.append_segment(s.path, segments.read(entry) + segments.encode(segments.COMMIT))


def commit_without_checksum(s):
    path = segments.files(s.path)[-1]
    segments.flip(path, os.path.getsize(path) - 9)


def all_commits(s):
    for path in segments.files(s.path):
        for entry in segments.entries(path):
            if entry.tag == segments.COMMIT:
                segments.flip(path, entry.offset)


def foreign_entry(tag):
    return lambda s: segments.append_segment(
        s.path, segments.encode(tag, bytes(31) + b"\1", b"?") + segments.encode(segments.COMMIT))


def middle(keys):
    return keys[len(keys) // 2]


# name, further options of check, what is done
DAMAGES = [
    ("nothing", [], lambda s: None),
    ("nothing, verified", ["--verify-data"], lambda s: None),
    ("a bit of file data", [], lambda s: s.flip_data(s.data_ids("many", "/b")[2])),
    ("a bit of a small file's data", [], lambda s: s.flip_data(s.data_ids("many", "/a")[0])),
    ("a bit of item metadata", [], lambda s: s.flip_data(middle(s.item_ids("many")))),
    ("a bit of the last item metadata", [], lambda s: s.flip_data(s.item_ids("many")[-1])),
    ("a bit of archive metadata", [], lambda s: s.flip_data(s.archive_id("second"))),
    ("a bit of the manifest", [], lambda s: s.flip_data(segments.MANIFEST)),
    ("a bit of an entry's checksum", [], header_of(0)),
    ("a bit of an entry's size", [], header_of(5)),
    ("a bit of an entry's tag", [], header_of(8)),
    ("a bit of an entry's id", [], header_of(20)),
    ("a bit of a segment's magic", [], lambda s: segments.flip(segments.files(s.path)[1], 3)),
    ("a truncated segment", [], truncate(1, 0.6)),
    ("a truncated last segment", [], truncate(-1, 0.5)),
    ("an empty segment", [], truncate(3, 0)),
    ("a missing segment", [], lambda s: os.remove(segments.files(s.path)[2])),
    ("a missing last segment", [], lambda s: os.remove(segments.files(s.path)[-1])),
    ("a segment of zeros", [], zeroed),
    ("a lost index", [], remove("index")),
    ("lost hints", [], remove("hints")),
    ("lost index, hints and integrity", [], lambda s: [remove(k)(s) for k in ("index", "hints", "integrity")]),
    ("a garbled index", [], garble("index")),
    ("garbled hints", [], garble("hints")),
    ("an empty index", [], empty("index")),
    ("a lost manifest", [], lambda s: s.lose(segments.MANIFEST)),
    ("a garbled manifest", [], lambda s: s.put(segments.MANIFEST, TYPE + os.urandom(200))),
    ("a short manifest", [], lambda s: s.put(segments.MANIFEST, TYPE)),
    ("a manifest of another key's type", [], lambda s: s.put(segments.MANIFEST, b"\3" + os.urandom(200))),
    ("lost archive metadata", [], lambda s: s.lose(s.archive_id("second"))),
    ("lost archive metadata and manifest", [], lambda s: s.lose(s.archive_id("second"), segments.MANIFEST)),
    ("a lost item chunk", [], lambda s: s.lose(middle(s.item_ids("many")))),
    ("the first item chunk lost", [], lambda s: s.lose(s.item_ids("many")[0])),
    ("all item chunks lost", [], lambda s: s.lose(*set(s.item_ids("many")))),
    ("lost data chunks", [], lambda s: s.lose(*s.data_ids("many", "/b")[1:4])),
    ("a lost chunk of many files", [], lambda s: s.lose(s.data_ids("few", "b")[0])),
    ("a garbled data chunk, not looked at", [], lambda s: s.put(s.data_ids("many", "/a")[0], TYPE + os.urandom(900))),
    ("a garbled data chunk", ["--verify-data"], lambda s: s.put(s.data_ids("many", "/a")[0], TYPE + os.urandom(900))),
    ("another chunk's content", ["--verify-data"], lambda s: s.put(
        s.data_ids("many", "/b")[0], s.content(s.data_ids("many", "/b")[1]))),
    ("a garbled item chunk", ["--verify-data"], lambda s: s.put(middle(s.item_ids("many")), TYPE + os.urandom(900))),
    ("an orphan", [], lambda s: s.put(bytes(31) + b"\7", b"nobody's")),
    ("an object twice", [], twice),
    ("a commit with a wrong checksum", [], commit_without_checksum),
    ("no commit at all", [], all_commits),
    ("a segment without commit", [], lambda s: segments.append_segment(
        s.path, segments.encode(segments.PUT, bytes(31) + b"\2", b"lost"))),
    ("an entry of an unknown kind", [], foreign_entry(17)),
]


class State:
    """Everything that a repair decides: the archives' ids, which follow from all that they hold, and the objects."""

    def __init__(self, program, repository, folder):
        manifest = json.loads(program.run("debug", "dump-manifest", repository, "-", cwd=folder).output)
        for key in ("timestamp", "tam"):
            manifest.pop(key, None)
        self.manifest = manifest
        self.objects = {key.hex() for key in segments.objects(repository)}

    def assert_equals(self, other):
        for key in self.manifest.keys() | other.manifest.keys():
            mine, theirs = self.manifest.get(key), other.manifest.get(key)
            assert mine == theirs, f"manifest's {key}:\nours   {mine}\noracle {theirs}"
        more, less = sorted(self.objects - other.objects), sorted(other.objects - self.objects)
        assert not more and not less, f"objects: only ours {more[:5]}, only oracle {less[:5]}"


class Repairs:
    def __init__(self, work, ours, oracle):
        self.work = os.path.join(work, "repairs")
        self.original = os.path.join(self.work, "original")
        os.makedirs(self.original)
        self.ours = Program("ours", ours.path, os.path.join(self.original, "home"))
        self.oracle = ForkingProgram("oracle", oracle.path, os.path.join(self.original, "home"))
        for program in (self.ours, self.oracle):
            program.environment["BORG_RELOCATED_REPO_ACCESS_IS_OK"] = "yes"
            program.environment["BORG_CHECK_I_KNOW_WHAT_I_AM_DOING"] = "YES"
        make(self.original, self.ours)
        self.contents = Contents(self.original, self.oracle)

    def copy(self, source, name):
        """A repository with a home of its own."""
        target = os.path.join(self.work, name)
        shutil.copytree(source, target, symlinks=True)
        return target

    def at(self, program, folder):
        program.environment["BORG_BASE_DIR"] = program.environment["HOME"] = os.path.join(folder, "home")
        return program

    def compare(self, options, damage, then=None):
        try:
            damaged = self.copy(self.original, "damaged")
            damage(Subject(damaged, self.at(self.oracle, damaged), self.contents))
            # Clients that have seen a newer manifest would refuse, rightly.
            for path in (".cache", ".config/borg/security"):
                shutil.rmtree(os.path.join(damaged, "home", path), ignore_errors=True)
            sides = [(self.ours, self.copy(damaged, "mine")), (self.oracle, self.copy(damaged, "theirs"))]
            self.repair(sides, options)
            if then:
                for program, folder in sides:
                    then(folder)
                self.repair(sides, options)
        finally:
            for name in ("damaged", "mine", "theirs", "look"):
                shutil.rmtree(os.path.join(self.work, name), ignore_errors=True)

    def repair(self, sides, options):
        looks = [self.look(program, folder, options) for program, folder in sides]
        codes = [self.at(program, folder).run(
            "check", "--repair", *options, os.path.join(folder, "repository"), code="any") for program, folder in sides]
        told = [result.errors.decode(errors="replace")[-1500:] for result in codes]
        assert codes[0].code <= codes[1].code, (codes[0].code, codes[1].code, told)
        if codes[1].code > 1:
            # Borg gave up. So may ours, if it left everything as it was; else Borg's check must find it sound.
            if codes[0].code > 1:
                before = segments.objects(os.path.join(self.work, "damaged", "repository"))
                assert before.keys() == segments.objects(os.path.join(sides[0][1], "repository")).keys(), told
                return
            result = self.verdict(sides[0][1])
            assert result.code == 0, f"real Borg's check: {result.errors.decode()[-1500:]}"
            return
        assert (looks[0] != 0) == (looks[1] != 0), f"found before: ours rc {looks[0]}, oracle rc {looks[1]}"
        if self.verdict(sides[0][1]).code != 0:
            # What a repair without --verify-data does not look at stays as it is, on both sides.
            assert "--verify-data" not in options and self.verdict(sides[1][1]).code != 0
        states = [State(self.at(self.oracle, folder), os.path.join(folder, "repository"), folder) for _, folder in sides]
        states[0].assert_equals(states[1])

    def look(self, program, folder, options):
        """The code of a check without repair, on a copy of its own: it may write, too."""
        copy = self.copy(folder, "look")
        result = self.at(program, copy).run("check", *options, os.path.join(copy, "repository"), code="any")
        shutil.rmtree(copy)
        return result.code

    def verdict(self, folder):
        """Real Borg's, on everything."""
        repository = os.path.join(folder, "repository")
        return self.at(self.oracle, folder).run("check", "--verify-data", repository, code="any")

    def heal(self):
        """A chunk is lost, the file is patched with zeros, the chunk comes back, the file is whole again."""
        lost = {}

        def lose(subject):
            key = subject.data_ids("many", "/b")[1]
            lost[key] = subject.content(key)
            subject.lose(key)

        def bring_back(folder):
            subject = Subject(folder, self.at(self.oracle, folder), self.contents)
            listed = subject.oracle.run("list", "--format", "{health} {path}{NL}", f"{subject.path}::many").output
            assert b"broken source/b" in listed
            for key, content in lost.items():
                subject.put(key, content)

        self.compare([], lose, bring_back)


def run(report, work, ours, oracle):
    name = "repair: "
    if not any(report.wants(name + title) for title, _, _ in DAMAGES):
        return
    repairs = Repairs(work, ours, oracle)
    for title, options, damage in DAMAGES:
        if report.wants(name + title):
            with report.case(name + title):
                repairs.compare(options, damage)
    if report.wants(name + "a chunk that comes back"):
        with report.case(name + "a chunk that comes back"):
            repairs.heal()
    repairs.oracle.close()
    shutil.rmtree(repairs.work)
