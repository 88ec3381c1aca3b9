"""The segment files of a repository, for those who damage them."""

import glob
import os
import struct
import zlib

MAGIC = b"BORG_SEG"
PUT, DELETE, COMMIT = 0, 1, 2
MANIFEST = bytes(32)


class Entry:
    def __init__(self, path, offset, tag, key, data_offset, size):
        self.path, self.offset, self.tag, self.key = path, offset, tag, key
        self.data_offset, self.size = data_offset, size

    @property
    def end(self):
        return self.offset + self.size


def files(repository):
    """Paths of the segments, oldest first."""
    found = glob.glob(os.path.join(glob.escape(str(repository)), "data", "*", "*"))
    return sorted((path for path in found if os.path.basename(path).isdigit()),
                  key=lambda path: int(os.path.basename(path)))


def entries(path):
    with open(path, "rb") as file:
        content = file.read()
    assert content[:8] == MAGIC, path
    offset = 8
    while offset < len(content):
        _, size, tag = struct.unpack_from("<IIB", content, offset)
        key = content[offset + 9:offset + 41] if tag != COMMIT else None
        yield Entry(path, offset, tag, key, offset + (41 if tag != COMMIT else 9), size)
        offset += size


def objects(repository):
    """Where each object lies after the last commit, by id."""
    current = {}
    for path in files(repository):
        if os.path.getsize(path) <= 8:
            continue
        for entry in entries(path):
            if entry.tag == PUT:
                current[entry.key] = entry
            elif entry.tag == DELETE:
                current.pop(entry.key, None)
    return current


def encode(tag, key=None, data=b"", crc=None):
    body = struct.pack("<IB", 9 + len(key or b"") + len(data), tag) + (key or b"") + data
    return struct.pack("<I", zlib.crc32(body) & 0xffffffff if crc is None else crc) + body


def read(entry):
    with open(entry.path, "rb") as file:
        file.seek(entry.offset)
        return file.read(entry.size)


def flip(path, offset, bit=0x10):
    os.chmod(path, 0o600)
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ bit]))


def overwrite(path, offset, content):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(content)


def append_segment(repository, content):
    """A new segment behind all others."""
    last = files(repository)[-1]
    path = os.path.join(os.path.dirname(last), str(int(os.path.basename(last)) + 1))
    with open(path, "wb") as file:
        file.write(MAGIC + content)
    return path
