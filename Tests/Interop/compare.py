"""Whether two trees are the same in everything that an archive keeps."""

import hashlib
import os
import stat
import subprocess

import tree


def scan(root):
    """Relative path to what is there; hard links as the set of their names."""
    entries = {}
    names = {}
    top = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _scan(top, b"", entries, names)
    finally:
        os.close(top)
    for path, entry in entries.items():
        group = names[entry.pop("inode")]
        entry["names"] = frozenset(group) if entry["kind"] != stat.S_IFDIR else frozenset()
    return entries


def _scan(parent, prefix, entries, names):
    for name in map(os.fsencode, os.listdir(parent)):
        path = prefix + name
        status = os.lstat(name, dir_fd=parent)
        kind = stat.S_IFMT(status.st_mode)
        place = b"/proc/self/fd/%d/%s" % (parent, name)
        entry = {
            "kind": kind, "mode": stat.S_IMODE(status.st_mode), "uid": status.st_uid, "gid": status.st_gid,
            "mtime": status.st_mtime_ns, "inode": (status.st_dev, status.st_ino), "xattrs": _xattrs(place),
        }
        names.setdefault(entry["inode"], set()).add(path)
        if kind == stat.S_IFLNK:
            entry["target"] = os.readlink(name, dir_fd=parent)
        elif kind in (stat.S_IFCHR, stat.S_IFBLK):
            entry["device"] = status.st_rdev
        elif kind == stat.S_IFREG:
            entry["size"] = status.st_size
            entry["hash"] = _hash(name, parent)
        if kind in (stat.S_IFREG, stat.S_IFDIR):
            entry["flags"] = tree.get_flags(place)
        entries[path] = entry
        if kind == stat.S_IFDIR:
            child = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
            _scan(child, path + b"/", entries, names)
            os.close(child)


def _xattrs(place):
    """All of them, the ACLs' binary forms among them."""
    found = {}
    try:
        listed = os.listxattr(place, follow_symlinks=False)
    except OSError:
        return found
    for name in listed:
        found[name] = os.getxattr(place, name, follow_symlinks=False)
    return found


def _hash(name, parent):
    file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=parent)
    with os.fdopen(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def assert_same(expected, found):
    """Compares two directories, with our own eyes and with rsync's. Sockets are not archived."""
    wanted = {path: entry for path, entry in scan(expected).items() if entry["kind"] != stat.S_IFSOCK}
    present = scan(found)
    problems = [f"missing: {path!r}" for path in sorted(wanted.keys() - present.keys())]
    problems += [f"not wanted: {path!r}" for path in sorted(present.keys() - wanted.keys())]
    for path in sorted(wanted.keys() & present.keys()):
        for field, value in wanted[path].items():
            if present[path].get(field) != value:
                problems.append(f"{path!r}: {field} is {present[path].get(field)!r}, not {value!r}")
    assert not problems, "\n".join(problem[:300] for problem in problems[:30])
    _assert_rsync_agrees(expected, found)


def _assert_rsync_agrees(expected, found):
    done = subprocess.run(
        ["rsync", "-aHAXn", "--checksum", "--delete", "-i", f"--exclude=/{tree.SOCKET.decode()}",
         os.path.join(expected, ""), os.path.join(found, "")],
        capture_output=True, check=False)
    said = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode == 0 and not said.strip(), f"rsync (rc {done.returncode}) sees differences:\n{said[:3000]}"
