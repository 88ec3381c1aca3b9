"""Tar files between our program, GNU tar, Python's tarfile and real Borg, compared attribute by attribute."""

import hashlib
import io
import os
import stat
import subprocess
import tarfile

import compare
import tree
from forking import ForkingProgram

SUFFIXES = [(".tar.gz", "gzip"), (".tgz", "gzip"), (".tar.bz2", "bzip2"), (".tar.xz", "xz"), (".tar.lz4", "lz4"),
            (".tar.zst", "zstd")]
GNU_FORMATS = [
    ["--format=gnu"], ["--format=oldgnu"], ["--format=pax"], ["--format=ustar"], ["--format=v7"], ["--format=gnu", "-S"],
    ["--format=pax", "-S", "--sparse-version=0.0"], ["--format=pax", "-S", "--sparse-version=0.1"],
    ["--format=pax", "-S", "--sparse-version=1.0"], ["--format=pax", "--xattrs", "--xattrs-include=*"],
]
PYTHON_FORMATS = {"gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT, "ustar": tarfile.USTAR_FORMAT}
FIELDS = ("kind", "mode", "uid", "gid", "size", "hash", "target", "device", "names")


def call(*words, **options):
    done = subprocess.run(words, capture_output=True, check=False, **options)
    assert done.returncode == 0, f"{words}: rc {done.returncode} {done.stderr.decode(errors='replace')[:1000]}"
    return done.stdout


def exported_second(mtime):
    """As Borg rounds: through a floating point number."""
    return int(mtime / 1e9)


def same(expected, found, *, nanoseconds=False):
    """Two directories, in what tar can hold. Borg keeps no hard links of anything but files and symbolic links."""
    wanted = {path: entry for path, entry in compare.scan(expected).items() if entry["kind"] != stat.S_IFSOCK}
    present = compare.scan(found)
    problems = [f"missing {path!r}" for path in wanted.keys() - present.keys()]
    problems += [f"not wanted {path!r}" for path in present.keys() - wanted.keys()]
    for path in wanted.keys() & present.keys():
        one, other = wanted[path], present[path]
        problems += [f"{path!r}: {field} is {other.get(field)!r}, not {one.get(field)!r}"
                     for field in FIELDS if one.get(field) != other.get(field)
                     and not (field == "names" and one["kind"] not in (stat.S_IFREG, stat.S_IFLNK))]
        times = [entry["mtime"] if nanoseconds else exported_second(entry["mtime"]) for entry in (one, other)]
        if times[0] != times[1]:
            problems.append(f"{path!r}: mtime is {other['mtime']}, not {one['mtime']}")
    assert not problems, "\n".join(problem[:300] for problem in problems[:20])


def members_by_python(path):
    """What tarfile makes of each member, in the words of `compare.scan`."""
    found = {}
    with tarfile.open(path, encoding="utf-8", errors="surrogateescape") as archive:
        for member in archive:
            entry = {"mode": member.mode, "uid": member.uid, "gid": member.gid, "mtime": int(member.mtime)}
            if member.isreg():
                entry["hash"] = hashlib.sha256(archive.extractfile(member).read()).hexdigest()
            elif member.islnk():
                entry["link"] = os.fsencode(member.linkname)
            elif member.issym():
                entry["target"] = os.fsencode(member.linkname)
            elif member.ischr() or member.isblk():
                entry["device"] = os.makedev(member.devmajor, member.devminor)
            found[os.fsencode(member.name)] = (member.type, entry)
    return found


class Tarballs:
    def __init__(self, work, sources, ours, oracle):
        self.ours = ours
        self.work = os.path.join(work, "tar")
        self.oracle = ForkingProgram("oracle", oracle.path, oracle.environment["HOME"])
        os.mkdir(self.work)
        self.source = os.path.join(sources, "tree")
        self.repository = os.path.join(self.work, "repository")
        ours.run("init", "-e", "none", self.repository)
        ours.run("create", f"{self.repository}::all", ".", cwd=self.source)
        self.plain = os.path.join(self.work, "all.tar")
        ours.run("export-tar", f"{self.repository}::all", self.plain)
        # Not everything can be in every format: names of moderate length, times and ids that old formats can hold.
        self.small = os.path.join(self.work, "small")
        make_small(self.small)

    def fresh(self, name):
        path = os.path.join(self.work, name)
        tree.remove(path) if os.path.exists(path) else None
        os.mkdir(path)
        return path

    def extract_by_gnu(self, path, *options):
        target = self.fresh("by gnu tar")
        call("tar", "-xpf", path, "--numeric-owner", "--same-owner" if os.geteuid() == 0 else "--no-same-owner",
             "--delay-directory-restore", *options, "-C", target)
        return target

    def extract_ours(self, archive):
        target = self.fresh("ours")
        self.ours.run("extract", "--numeric-ids", f"{self.repository}::{archive}", cwd=target)
        return target

    # What we write

    def exported(self):
        same(self.source, self.extract_by_gnu(self.plain))

    def exported_for_python(self):
        found = members_by_python(self.plain)
        wanted = {path: entry for path, entry in compare.scan(self.source).items() if entry["kind"] != stat.S_IFSOCK}
        assert found.keys() - {b"."} == wanted.keys(), (found.keys() ^ wanted.keys())
        for path, entry in wanted.items():
            kind, member = found[path]
            if kind == tarfile.LNKTYPE:
                assert member["link"] in entry["names"], (path, member, entry)
                continue
            for field in ("mode", "uid", "gid", "hash", "target", "device"):
                assert field not in member or member[field] == entry.get(field), (path, field, member, entry)
            assert member["mtime"] == exported_second(entry["mtime"]), (path, member, entry)

    def exported_like_borg(self):
        theirs = os.path.join(self.work, "theirs.tar")
        self.oracle.run("export-tar", f"{self.repository}::all", theirs)
        call("cmp", self.plain, theirs)
        os.remove(theirs)

    def compressed(self, suffix, program):
        path = os.path.join(self.work, "compressed" + suffix)
        self.ours.run("export-tar", f"{self.repository}::all", path)
        self.assert_holds(path, program)
        os.remove(path)

    def filtered(self):
        path = os.path.join(self.work, "filtered")
        self.ours.run("export-tar", "--tar-filter", "gzip -1", f"{self.repository}::all", path)
        self.assert_holds(path, "gzip")
        os.remove(path)

    def assert_holds(self, path, program):
        digest = hashlib.sha256()
        with open(path, "rb") as file, subprocess.Popen([program, "-dc"], stdin=file, stdout=subprocess.PIPE) as child:
            while block := child.stdout.read(1 << 20):
                digest.update(block)
        assert child.returncode == 0
        with open(self.plain, "rb") as file:
            assert digest.hexdigest() == hashlib.file_digest(file, "sha256").hexdigest()

    # What others write

    def imported(self, path, name, *, decompressed=None, nanoseconds=False):
        """Ours holds what GNU tar makes of the file, and what real Borg holds. Times of pax are exact in ours only."""
        self.ours.run("import-tar", f"{self.repository}::{name}", path)
        same(self.extract_by_gnu(decompressed or path), self.extract_ours(name), nanoseconds=nanoseconds)
        self.oracle.run("import-tar", f"{self.repository}::{name}-real", path)
        time = "" if nanoseconds else "{isomtime} "
        listing = ("list", "--format", time + "{type} {mode} {uid} {gid} {user} {group} {size} {linktarget} {path}{NL}")
        mine, theirs = (self.oracle.run(*listing, f"{self.repository}::{name}{end}").output for end in ("", "-real"))
        different = [pair for pair in zip(mine.splitlines(), theirs.splitlines()) if pair[0] != pair[1]]
        assert mine == theirs, different[:5]
        os.remove(path)

    def from_gnu(self, options, source, name):
        path = os.path.join(self.work, f"{name}.tar")
        left_out = ["./kinds/socket"] + (["./fifo", "./block", "./char"] if "--format=v7" in options else [])
        call("tar", *options, "-cf", path, *[f"--exclude={name}" for name in left_out], ".", cwd=source)
        self.imported(path, name, nanoseconds="--format=pax" in options)

    def from_python(self, name, form):
        path = os.path.join(self.work, f"python-{name}.tar")
        with tarfile.open(path, "w", format=form, encoding="utf-8", errors="surrogateescape") as archive:
            archive.add(self.small, arcname=".")
            if form != tarfile.USTAR_FORMAT:
                member = tarfile.TarInfo("long name " * 20)
                member.mtime, member.size, member.uid, member.gid = 1_700_000_000, 3, 3_000_000, 4_000_000_000
                archive.addfile(member, io.BytesIO(b"abc"))
        self.imported(path, f"python-{name}", nanoseconds=form == tarfile.PAX_FORMAT)

    def from_compressed(self, suffix, program):
        path, plain = (os.path.join(self.work, "small" + end) for end in (suffix, ".tar"))
        call("tar", "-cf", plain, ".", cwd=self.small)
        with open(plain, "rb") as file, open(path, "wb") as out:
            subprocess.run([program, "-c"], stdin=file, stdout=out, check=True)
        self.imported(path, "compressed" + suffix.replace(".", "-"), decompressed=plain)
        os.remove(plain)

    def round_trip(self):
        """What import-tar makes of our own export is exported to the same bytes."""
        self.ours.run("import-tar", f"{self.repository}::again", self.plain)
        again = os.path.join(self.work, "again.tar")
        self.ours.run("export-tar", f"{self.repository}::again", again)
        call("cmp", self.plain, again)
        os.remove(again)


def make_small(root):
    os.makedirs(os.path.join(root, "directory", "inner"))
    with open(os.path.join(root, "file"), "wb") as out:
        out.write(b"content\n" * 1000)
    os.link(os.path.join(root, "file"), os.path.join(root, "directory", "hard link"))
    open(os.path.join(root, "empty"), "wb").close()
    os.symlink("../file", os.path.join(root, "directory", "symlink"))
    os.mkfifo(os.path.join(root, "fifo"))
    if os.geteuid() == 0:
        os.mknod(os.path.join(root, "char"), stat.S_IFCHR | 0o666, os.makedev(1, 3))
        os.mknod(os.path.join(root, "block"), stat.S_IFBLK | 0o600, os.makedev(7, 20))
        os.chown(os.path.join(root, "empty"), 1234, 5678)
    os.chmod(os.path.join(root, "empty"), 0o4711)
    with open(os.path.join(root, "sparse"), "wb") as out:
        for place in (0, 300_000, 9_000_000):
            out.seek(place)
            out.write(b"data at %d" % place)
        out.truncate(12_000_000)
    with open(os.path.join(root, "hole"), "wb") as out:
        out.truncate(1_000_000)
    with open(os.path.join(root, "gr\u00fc\u00dfe \u2603"), "wb") as out:
        out.write(b"unicode")
    try:
        os.setxattr(os.path.join(root, "file"), "user.note", b"value")
    except OSError:
        pass
    for number, name in enumerate(sorted(os.listdir(root))):
        os.utime(os.path.join(root, name), (1_600_000_000, 1_600_000_000 + number), follow_symlinks=False)


def cases():
    """Names, and what is done with the `Tarballs`."""
    yield "GNU tar extracts our export", lambda balls: balls.exported()
    yield "Python reads our export", lambda balls: balls.exported_for_python()
    yield "our export is Borg's", lambda balls: balls.exported_like_borg()
    yield "round trip", lambda balls: balls.round_trip()
    yield "export by --tar-filter", lambda balls: balls.filtered()
    for suffix, program in SUFFIXES:
        yield f"export to {suffix}", lambda balls, s=suffix, p=program: balls.compressed(s, p)
        yield f"import from {suffix}", lambda balls, s=suffix, p=program: balls.from_compressed(s, p)
    for number, options in enumerate(GNU_FORMATS):
        yield (f"import of GNU tar {' '.join(options)}",
               lambda balls, o=options, n=number: balls.from_gnu(o, balls.small, f"small-{n}"))
    for options in (["--format=gnu"], ["--format=pax"]):
        yield (f"import of everything, GNU tar {options[0]}",
               lambda balls, o=options: balls.from_gnu(o, balls.source, "all" + o[0][9:]))
    for name, form in PYTHON_FORMATS.items():
        yield f"import of Python's {name} format", lambda balls, n=name, f=form: balls.from_python(n, f)


def run(report, work, sources, ours, oracle):
    wanted = [(f"tar: {name}", action) for name, action in cases() if report.wants(f"tar: {name}")]
    if not wanted:
        return
    balls = Tarballs(work, sources, ours, oracle)
    for name, action in wanted:
        with report.case(name):
            action(balls)
    balls.oracle.close()
    tree.remove(balls.work)
