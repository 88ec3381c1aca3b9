"""The repositories that the scenes play on, each made by both programs, and their byte copies."""

import concurrent.futures
import datetime
import os
import random
import shutil
import subprocess

MODES = [
    "none", "repokey", "keyfile", "authenticated", "repokey-blake2", "keyfile-blake2", "authenticated-blake2",
]
TIMES = [
    "2019-12-31T23:59:59", "2020-01-01T00:00:01", "2020-02-29T12:00:00", "2021-06-15T08:30:00", "2022-03-27T01:59:59",
    "2022-03-27T03:00:01", "2022-10-30T02:30:00", "2023-01-02T03:04:05", "2023-01-02T18:00:00", "2023-01-03T00:00:00",
    "2024-05-05T05:05:05",
]


class Stage:
    """`repository(name)` scripts below are functions `make_NAME(run, place)`; `run` calls the maker."""

    def __init__(self, work, ours, real):
        self.work = work
        self.sides = [ours, real]
        self.started = datetime.datetime.now()
        self.tree = os.path.join(work, "tree")
        self.changed = os.path.join(work, "tree2")
        build_trees(self.tree, self.changed)

    # MARK: Making

    def build(self, report, scenes):
        """Makes what the scenes ask for, by both programs; returns the names of the makers."""
        names = sorted({scene.repository for scene in scenes})
        jobs = [(name, side) for name in names for side in self.sides]
        with report.case(f"{len(jobs)} repositories are made"), concurrent.futures.ThreadPoolExecutor() as pool:
            for done in [pool.submit(self._make, name, side) for name, side in jobs]:
                done.result()
        return [side.name for side in self.sides]

    def _made(self, name, maker):
        return os.path.join(self.work, "made", f"{name}-{maker}")

    def _make(self, name, side):
        place = self._made(name, side.name)
        for directory in ("home", "cwd"):
            os.makedirs(os.path.join(place, directory))

        def run(*words, code=0, cwd=None, **changes):
            found, out, errors = side.run(
                place, ["borg", *words], cwd or os.path.join(place, "cwd"), changes.items())
            said = (out + errors).decode(errors="replace")
            assert found == code, f"{side.name} {words}: rc {found}\n{said}"

        kind, _, mode = name.partition(".")
        getattr(self, f"make_{kind}")(run, os.path.join(place, "repo"), mode)

    def make_nothing(self, run, repository, mode):
        """No repository."""

    def make_empty(self, run, repository, mode):
        run("init", "-e", mode or "none", repository)

    def make_mode(self, run, repository, mode):
        run("init", "-e", mode, repository)
        run("create", "--timestamp", "2022-02-02T02:02:02", f"{repository}::one", "dir", cwd=self.tree)

    def make_many(self, run, repository, mode):
        """Small archives at many times; two of them checkpoints."""
        run("init", "-e", "none", repository)
        for number, time in enumerate(TIMES):
            name = f"{'host' if number % 3 else 'other'}-{number:02}"
            run("create", "--timestamp", time, "--comment", f"number {number}", f"{repository}::{name}",
                f"numbers/{number}", cwd=self.tree)
        for name, time in (("host-x.checkpoint", "2023-01-02T20:00:00"), ("new.checkpoint.1", "2024-06-01T00:00:00")):
            run("create", "--timestamp", time, f"{repository}::{name}", "numbers", cwd=self.tree)

    def make_tree(self, run, repository, mode):
        """Three archives of a tree of many kinds of files: as it is, changed, and with other chunks."""
        run("init", "-e", mode or "repokey-blake2", repository)
        run("create", "--atime", "--timestamp", "2022-02-02T02:02:02", "--comment", "the \u00fcrst", f"{repository}::t1",
            ".", cwd=self.tree)
        run("create", "--timestamp", "2022-02-03T02:02:02", "-C", "zlib,3", f"{repository}::t2", ".", cwd=self.changed)
        run("create", "--timestamp", "2022-02-04T02:02:02", "--chunker-params", "10,16,12,63", f"{repository}::t3",
            "dir", "data", cwd=self.tree)
        run("create", "--timestamp", "2022-02-05T02:02:02", f"{repository}::tagged", "tags", cwd=self.tree)

    # MARK: Playing

    def copy(self, repository, maker, side, name):
        """A copy for one program: the places that locations are stored in are renamed with it."""
        old, new = self._made(repository, maker), os.path.join(side.work, name)
        shutil.rmtree(new, ignore_errors=True)
        shutil.copytree(old, new, symlinks=True)
        for directory, _, files in os.walk(os.path.join(new, "home")):
            for file in files:
                if file in ("location", "config"):
                    rename_within(os.path.join(directory, file), old, new)
        return new

    def substitute(self, text, place):
        for name, value in (
            ("TREE2", self.changed), ("TREE", self.tree), ("REPO", os.path.join(place, "repo")), ("PLACE", place),
        ):
            text = text.replace(name, value)
        return text

    def run_both(self, sides, perform, places):
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            return [work.result() for work in [
                pool.submit(perform, side, place) for side, place in zip(sides, places)]]


def unmount(directory):
    """What a failed scene has left mounted there: nothing below it may be removed."""
    for name in os.listdir(directory):
        if os.path.ismount(os.path.join(directory, name)):
            subprocess.run(["fusermount3", "-u", "-z", os.path.join(directory, name)], check=False)


def rename_within(path, old, new):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(old, new))


# MARK: The trees


def build_trees(root, changed):
    source = random.Random(4)
    write(root, "dir/a.txt", b"hello\n")
    os.link(os.path.join(root, "dir/a.txt"), os.path.join(root, "dir/hl"))
    os.symlink("a.txt", os.path.join(root, "dir/sym"))
    write(root, "dir/sp ace", b"a name with a space\n")
    write(root, "dir/sub/deep/file", b"deep\n" * 100)
    write(root, "dir/sub/empty", b"")
    write(root, "dir/gr\u00fc\u00dfe \u2603", b"not ASCII\n")
    write(root, os.fsdecode(b"dir/bad \xff name"), b"not UTF-8\n")
    write(root, "data/noise", source.randbytes(120_000))
    write(root, "data/zeros", bytes(200_000))
    write(root, "data/text", b"the same line again and again\n" * 4000)
    write(root, "data/mixed", source.randbytes(30_000) + bytes(70_000))
    os.mkfifo(os.path.join(root, "dir/fifo"))
    for number in range(len(TIMES)):
        write(root, f"numbers/{number}", b"%d\n" % number * (number + 1) * 50)
    write(root, "tags/cache/CACHEDIR.TAG", b"Signature: 8a477f597d28d172789f06886806bc55\n# a cache\n")
    write(root, "tags/cache/entry", b"cached\n")
    write(root, "tags/cache/below/entry", b"cached below\n")
    write(root, "tags/nobackup/.nobackup", b"")
    write(root, "tags/nobackup/secret", b"secret\n")
    write(root, "tags/plain/file", b"plain\n")
    write(root, "pat/x.o", b"object\n")
    write(root, "pat/x.c", b"source\n")
    write(root, "pat/lib/y.o", b"object y\n")
    write(root, "pat/lib/y.c", b"source y\n")
    os.chmod(os.path.join(root, "dir/sub/empty"), 0o4755)
    os.chmod(os.path.join(root, "dir/sub"), 0o1777)
    os.chmod(os.path.join(root, "data/text"), 0o400)
    if os.geteuid() == 0:
        os.chown(os.path.join(root, "dir/sp ace"), 12345, 54321)
    settle(root)
    shutil.copytree(root, changed, symlinks=True, copy_function=copy_file)
    change(changed)


def copy_file(source, target):
    if os.path.basename(source) == "fifo":
        os.mkfifo(target)
    else:
        shutil.copy2(source, target)


def change(root):
    """Every kind of difference that two archives can have."""
    write(root, "dir/a.txt", b"hello again\n")
    write(root, "dir/new file", b"added\n" * 10)
    os.makedirs(os.path.join(root, "dir/new dir"))
    os.symlink("nowhere", os.path.join(root, "dir/new link"))
    os.mkfifo(os.path.join(root, "dir/new fifo"))
    os.remove(os.path.join(root, "dir/sp ace"))
    shutil.rmtree(os.path.join(root, "dir/sub/deep"))
    os.remove(os.path.join(root, "dir/sym"))
    os.symlink("hl", os.path.join(root, "dir/sym"))
    os.remove(os.path.join(root, "dir/fifo"))
    os.chmod(os.path.join(root, "dir/sub/empty"), 0o600)
    if os.geteuid() == 0:
        os.chown(os.path.join(root, "data/text"), 1, 1)
    with open(os.path.join(root, "data/noise"), "r+b") as file:
        file.seek(60_000)
        file.write(b"changed in the middle")
    os.remove(os.path.join(root, "numbers/3"))
    os.mkdir(os.path.join(root, "numbers/3"))
    os.remove(os.path.join(root, "numbers/4"))
    os.symlink("5", os.path.join(root, "numbers/4"))
    write(root, "data/mixed", bytes(70_000))
    settle(root, 86400)


def write(root, name, content):
    path = os.path.join(root, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)


def settle(root, later=0):
    """Times of long ago, different for each object; a file's does not depend on when the tree was made."""
    paths = [os.path.join(top, name) for top, folders, files in os.walk(root) for name in folders + files]
    for number, path in enumerate(sorted(paths) + [root]):
        time = 1_600_000_000_123_456_789 + number * 1_000_000_007 + later * 1_000_000_000
        os.utime(path, ns=(time + 1000, time), follow_symlinks=False)
