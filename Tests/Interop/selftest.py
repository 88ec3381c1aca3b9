"""Whether the comparison sees what it is there to see: one small change each in a copy of the tree."""

import os
import subprocess

import compare
import tree


def run(report, work, sources):
    name = "the comparison sees"
    if not report.wants(name):
        return
    original = os.path.join(sources, "tree", "")
    copy = os.path.join(work, "copy")
    subprocess.run(["cp", "-a", original, copy], check=True)
    socket = os.path.join(os.fsencode(copy), tree.SOCKET)
    before = os.lstat(os.path.dirname(socket))
    os.unlink(socket)
    os.utime(os.path.dirname(socket), ns=(before.st_atime_ns, before.st_mtime_ns))
    for entry in compare.scan(original):
        flags = tree.get_flags(os.path.join(os.fsencode(original), entry))
        if flags:
            tree.set_flags(os.path.join(os.fsencode(copy), entry), flags)
    with report.case(f"{name} no difference in a copy"):
        compare.assert_same(original, copy)
    for what, change in CHANGES.items():
        try:
            undo = change(lambda path: os.path.join(copy, path))
        except OSError as error:
            report.note(f"not on this machine: {what} ({error.strerror})")
            continue
        with report.case(f"{name} {what}"):
            try:
                compare.assert_same(original, copy)
            except AssertionError as error:
                assert "rsync" not in str(error), f"only rsync saw it: {error}"
            else:
                raise AssertionError("nothing was seen")
            undo()
    tree.remove(copy)


def _content(at):
    status = os.lstat(at("contents/byte"))
    _write(at("contents/byte"), b"y", status)
    return lambda: _write(at("contents/byte"), b"x", status)


def _write(path, content, status):
    with open(path, "wb") as file:
        file.write(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _mtime(at):
    path = at("contents/byte")
    before = os.lstat(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    return lambda: os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _mode(at):
    path = at("modes/directory 1777")
    os.chmod(path, 0o777)
    return lambda: os.chmod(path, 0o1777)


def _owner(at):
    path = at("contents/byte")
    before = os.lstat(path)
    os.chmod(path, before.st_mode & 0o7777)
    os.chown(path, before.st_uid + 1, before.st_gid)
    return lambda: os.chown(path, before.st_uid, before.st_gid)


def _link(at):
    path, saved = at("links/second"), at("saved")
    before = os.lstat(os.path.dirname(path)), os.lstat(at(""))
    os.rename(path, saved)
    subprocess.run(["cp", "-a", saved, path], check=True)

    def undo():
        os.rename(saved, path)
        for directory, status in zip((os.path.dirname(path), at("")), before):
            os.utime(directory, ns=(status.st_atime_ns, status.st_mtime_ns))

    return undo


def _xattr(at):
    os.removexattr(at("xattrs/file"), "user.empty")
    return lambda: os.setxattr(at("xattrs/file"), "user.empty", b"")


def _acl(at):
    name = "system.posix_acl_default"
    before = os.getxattr(at("acls/default"), name)
    os.removexattr(at("acls/default"), name)
    return lambda: os.setxattr(at("acls/default"), name, before)


def _flag(at):
    tree.set_flags(at("flags/nodump"), 0)
    return lambda: tree.set_flags(at("flags/nodump"), tree.NODUMP)


def _extra(at):
    before = os.lstat(at("contents"))
    os.mkdir(at("contents/extra"))

    def undo():
        os.rmdir(at("contents/extra"))
        os.utime(at("contents"), ns=(before.st_atime_ns, before.st_mtime_ns))

    return undo


CHANGES = {
    "contents": _content, "a nanosecond": _mtime, "a mode bit": _mode, "an owner": _owner, "a lost hard link": _link,
    "an empty xattr": _xattr, "an ACL": _acl, "a flag": _flag, "a directory too many": _extra,
}
