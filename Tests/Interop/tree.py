"""A tree of files of every kind, made anew for each run."""

import array
import errno
import fcntl
import os
import random
import shutil
import socket
import stat
import struct
import time

FS_IOC_GETFLAGS = 0x80086601
FS_IOC_SETFLAGS = 0x40086602
IMMUTABLE, APPEND, NODUMP = 0x10, 0x20, 0x40
FLAGS = IMMUTABLE | APPEND | NODUMP
SOCKET = b"kinds/socket"
SPARSE = b"contents/sparse"

ODD_NAMES = [
    b"new\nline", b"tab\there", b"quote'\"", b"back\\slash", b"-dash", b" space ", b"dot.", b"...", b"*?[a]{b,c}",
    b"%s {now} {hostname}", "gr\u00fc\u00dfe \u2603 \U0001f40c".encode(), "e\u0301 decomposed".encode(),
    b"invalid \xff\xfe utf-8", b"half \xc3", b"\xed\xa0\x80 surrogate", b"\x01\x1b\x7f control", b"n" * 255,
    b"\xc3\xbc" * 127, b":colon::archive", b"~tilde", b"#hash", b"$HOME",
]


def build(root, megabytes, compressions, seed):
    """Makes ROOT/tree, and ROOT/data-N for each compression. Returns what could not be made."""
    maker = Maker(os.path.join(root, "tree"), seed)
    os.makedirs(maker.root)
    for step in (
        maker.contents, maker.names, maker.links, maker.kinds, maker.modes, maker.owners, maker.times, maker.xattrs,
        maker.acls, maker.deep, maker.flags,
    ):
        step()
    maker.large(megabytes)
    for number in range(len(compressions)):
        data(os.path.join(root, f"data-{number}"), f"{seed} {number}")
    time.sleep(0.05)
    maker.file(b"newest", b"read again every time\n")
    return maker.missing


def data(root, seed):
    """Files whose chunks nobody else has: zeros, text, noise, and many small ones."""
    source = random.Random(seed)
    os.makedirs(root)
    words = [source.randbytes(source.randrange(2, 9)).hex() for _ in range(500)]
    contents = {
        "text": " ".join(source.choice(words) for _ in range(60_000)).encode(),
        "noise": source.randbytes(400_000),
        "zeros": bytes(300_000),
        "half": source.randbytes(150_000) + bytes(150_000),
        "tiny": source.randbytes(1),
        "empty": b"",
    }
    for number in range(20):
        contents[f"small-{number}"] = source.randbytes(source.randrange(1, 3000))
    for name, content in contents.items():
        with open(os.path.join(root, name), "wb") as file:
            file.write(content)


class Maker:
    def __init__(self, root, seed):
        self.root = os.fsencode(root)
        self.random = random.Random(seed)
        self.missing = []

    def path(self, name):
        return os.path.join(self.root, name)

    def directory(self, name):
        os.makedirs(self.path(name), exist_ok=True)

    def file(self, name, content=None):
        content = content if content is not None else self.random.randbytes(self.random.randrange(1, 2000))
        with open(self.path(name), "wb") as file:
            file.write(content)

    def attempt(self, what, action, *arguments, **options):
        try:
            action(*arguments, **options)
        except OSError as error:
            self.missing.append(f"{what} ({error.strerror})")

    def contents(self):
        self.directory(b"contents")
        self.file(b"contents/empty", b"")
        self.file(b"contents/byte", b"x")
        self.file(b"contents/noise", self.random.randbytes(700_000))
        self.file(b"contents/zeros", bytes(3_000_000))
        self.file(b"contents/same as noise", open(self.path(b"contents/noise"), "rb").read())
        with open(self.path(SPARSE), "wb") as file:
            file.seek(5 << 20)
            file.write(b"an island")
            file.truncate(40 << 20)

    def large(self, megabytes):
        block = 1 << 20
        with open(self.path(b"contents/large"), "wb") as file:
            for _ in range(megabytes):
                file.write(self.random.randbytes(block // 2) + bytes(range(256)) * (block // 512))

    def names(self):
        self.directory(b"names/in a directory\n\xff")
        for name in ODD_NAMES:
            self.file(b"names/" + name)
            self.file(b"names/in a directory\n\xff/" + name, b"")

    def links(self):
        self.directory(b"links/other")
        self.file(b"links/first", b"three names\n")
        os.link(self.path(b"links/first"), self.path(b"links/second"))
        os.link(self.path(b"links/first"), self.path(b"links/other/third \xff"))
        self.file(b"links/empty", b"")
        os.link(self.path(b"links/empty"), self.path(b"links/empty too"))
        for number, target in enumerate([
            b"first", b"/etc/passwd", b"nowhere", b"loop", b".", b"..", b"../kinds", b"x" * 4000, b"new\nline \xff",
            b"//", b"other/third \xff",
        ]):
            os.symlink(target, self.path(b"links/symlink %d" % number))
        os.symlink(b"loop", self.path(b"links/loop"))

    def kinds(self):
        self.directory(b"kinds/empty directory")
        os.mkfifo(self.path(b"kinds/fifo"), 0o640)
        os.link(self.path(b"kinds/fifo"), self.path(b"kinds/fifo too"))
        here = os.open(b".", os.O_RDONLY | os.O_DIRECTORY)
        os.chdir(self.path(b"kinds"))
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(b"socket")
        os.fchdir(here)
        os.close(here)
        devices = [(b"char", stat.S_IFCHR | 0o666, 1, 3), (b"block", stat.S_IFBLK | 0o600, 7, 200)]
        devices.append((b"char, large number", stat.S_IFCHR | 0o600, 511, 0xabcde))
        for name, mode, major, minor in devices:
            self.attempt("device nodes", os.mknod, self.path(b"kinds/" + name), mode, os.makedev(major, minor))

    def modes(self):
        self.directory(b"modes")
        for mode in (0o0, 0o111, 0o400, 0o644, 0o777, 0o1644, 0o2755, 0o4755, 0o6711, 0o7777):
            if os.geteuid() != 0 and not mode & 0o400:
                continue  # Nobody else can read it.
            name = b"modes/file %o" % mode
            self.file(name)
            os.chmod(self.path(name), mode)
        for mode in (0o700, 0o1777, 0o2775, 0o555):
            name = b"modes/directory %o" % mode
            self.directory(name)
            self.file(name + b"/file")
            os.chmod(self.path(name), mode)

    def owners(self):
        self.directory(b"owners")
        for uid, gid in ((0, 12345), (54321, 0), (1, 1), (65534, 65534), (4_000_000_000, 4_000_000_001)):
            name = b"owners/%d %d" % (uid, gid)
            self.file(name)
            self.attempt("owners", os.chown, self.path(name), uid, gid)
            self.attempt("modes of others' files", os.chmod, self.path(name), 0o4750)
        os.symlink(b"0 12345", self.path(b"owners/symlink"))
        self.attempt("owners", os.chown, self.path(b"owners/symlink"), 77, 88, follow_symlinks=False)

    def times(self):
        self.directory(b"times/directory")
        for number in (0, 1, 999_999_999, 1_000_000_000_123_456_789, 2_147_000_000_999_999_999):
            self.file(b"times/%d" % number)
            os.utime(self.path(b"times/%d" % number), ns=(number, number))
        os.symlink(b"0", self.path(b"times/symlink"))
        os.utime(self.path(b"times/symlink"), ns=(5, 1_234_567_890_987_654_321), follow_symlinks=False)
        os.utime(self.path(b"times/directory"), ns=(5, 1_111_111_111_111_111_111))

    def xattrs(self):
        self.directory(b"xattrs/directory")
        self.file(b"xattrs/file")
        os.symlink(b"file", self.path(b"xattrs/symlink"))
        os.mkfifo(self.path(b"xattrs/fifo"))
        capability = bytes.fromhex("0100000200200000000000000000000000000000")
        for path, name, value in (
            (b"file", "user.plain", b"value"), (b"file", "user.empty", b""), (b"file", "user.bytes", bytes(range(256))),
            (b"file", "user.long", self.random.randbytes(2000)), (b"file", "user.\u00fcml\u00e4ut", b"\xff\n"),
            (b"file", "trusted.secret", b"root's"), (b"directory", "user.on.directory", b"1"),
            (b"symlink", "trusted.on.symlink", b"2"), (b"fifo", "trusted.on.fifo", b"3"),
            (b"file", "security.capability", capability),
        ):
            self.attempt(
                f"xattr {name}", os.setxattr, self.path(b"xattrs/" + path), name, value, follow_symlinks=False)

    def acls(self):
        self.directory(b"acls/default")
        self.directory(b"acls/both")
        self.file(b"acls/access")
        self.file(b"acls/minimal")
        everyone = 0xffffffff
        access = [(1, 7, everyone), (2, 4, 0), (2, 7, 54321), (4, 5, everyone), (8, 1, 12345), (16, 7, everyone),
                  (32, 0, everyone)]
        plain = [(1, 7, everyone), (4, 5, everyone), (32, 0, everyone)]
        for path, kind, entries in (
            (b"access", "access", access), (b"minimal", "access", plain), (b"default", "default", access),
            (b"both", "access", access), (b"both", "default", plain),
        ):
            value = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
            self.attempt(
                f"ACL ({kind})", os.setxattr, self.path(b"acls/" + path), f"system.posix_acl_{kind}", value)
        self.file(b"acls/default/inherits")

    def deep(self):
        """One path of nearly 4000 bytes, made step by step: the kernel takes no longer ones."""
        self.directory(b"deep")
        parent = os.open(self.path(b"deep"), os.O_RDONLY | os.O_DIRECTORY)
        length = len(b"tree/deep")
        number = 0
        while length < 3500:
            name = b"%03d" % number + b"d" * 200
            os.mkdir(name, dir_fd=parent)
            child = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=parent)
            os.close(parent)
            parent = child
            length += 1 + len(name)
            number += 1
        file = os.open(b"f" * 200, os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=parent)
        os.write(file, b"at the bottom\n")
        os.close(file)
        os.close(parent)

    def flags(self):
        self.directory(b"flags/directory")
        self.file(b"flags/directory/file")
        for name, flags in (
            (b"nodump", NODUMP), (b"immutable", IMMUTABLE), (b"append", APPEND), (b"all", FLAGS), (b"directory", NODUMP),
        ):
            if name != b"directory":
                self.file(b"flags/" + name)
            self.attempt(f"flag {flags:#x}", set_flags, self.path(b"flags/" + name), flags)
        self.directory(b"flags/fixed")
        self.file(b"flags/fixed/file")
        self.attempt("flag on a directory", set_flags, self.path(b"flags/fixed"), IMMUTABLE)


def get_flags(path):
    """The flags that Borg keeps; 0 where the file system has none."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return 0
    try:
        buffer = array.array("L", [0])
        fcntl.ioctl(file, FS_IOC_GETFLAGS, buffer)
        return buffer[0] & FLAGS
    except OSError:
        return 0
    finally:
        os.close(file)


def set_flags(path, flags):
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        buffer = array.array("L", [0])
        fcntl.ioctl(file, FS_IOC_GETFLAGS, buffer)
        buffer[0] = buffer[0] & ~FLAGS | flags
        fcntl.ioctl(file, FS_IOC_SETFLAGS, buffer)
    finally:
        os.close(file)


def remove(root):
    """Deletes a tree with everything that may forbid it."""
    root = os.fsencode(root)
    for directory, _, names in os.walk(root):
        for path in [directory] + [os.path.join(directory, name) for name in names]:
            if get_flags(path) & (IMMUTABLE | APPEND):
                set_flags(path, 0)
    def retry(function, path, _):
        try:
            os.chmod(os.path.dirname(path), 0o700)
            os.chmod(path, 0o700)
            function(path)
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise
    shutil.rmtree(root, onerror=retry)
