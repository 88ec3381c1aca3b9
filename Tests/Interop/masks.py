"""What of an output may differ because two programs ran at two times in two places."""

import datetime
import difflib
import json
import os
import re

TIMES = [
    (re.compile(r"[A-Z][a-z]{2}, (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)( [+-]\d{4})?"), "%Y-%m-%d %H:%M:%S"),
    (re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(\.\d{6})?([+-]\d\d:\d\d)?"), None),
]
WRITTEN = [
    (re.compile(r"\b[0-9a-f]{64}\b"), "<id>"),
    (re.compile(r"Duration: .*"), "Duration: <d>"),
    (re.compile(r'"duration": [0-9.e-]+'), '"duration": <d>'),
    # How well times and names compress.
    (re.compile(r'"max_archive_size": \d[0-9.e-]*'), '"max_archive_size": ~'),
    (re.compile(r'"unique_csize": \d+'), '"unique_csize": ~'),
    (re.compile(r"(All archives: +\S+ \S+ +\S+ \S+) +[\d.]+ [kKMG]?i?B"), r"\1 ~"),
]
ALWAYS = [
    (re.compile(r'"time": \d+\.\d+'), '"time": <t>'),
    # The usage block is our own text: the error below it counts.
    (re.compile(r"^usage: (?:.*\n)*?(?=borg[^\n]*: error: )", re.M), ""),
    (re.compile(r"available: [0-9.]+ .B"), "available: <space>"),
    # The README's row of errors: no stack traces.
    (re.compile(r"^Exception ignored in: .*\nTraceback .*\n(?:  .*\n)*\w.*\n", re.M), ""),
    (re.compile(r"\n?Traceback \(most recent call last\):\n(?:.*\n)*?SSH_ORIGINAL_COMMAND: .*\n", re.M), ""),
]
# The order of the computed keys of JSON lines is random in Borg.
JSON_LINE = re.compile(r'^\{"[^\n]*\}$', re.M)


def mask(data, work, started, writes):
    text = data.decode("latin-1")
    for name in ("ours", "real"):
        text = text.replace(os.path.join(os.path.dirname(work), name, ""), "WORK/")
    text = JSON_LINE.sub(lambda line: json.dumps(json.loads(line[0]), sort_keys=True), text)
    for pattern, replacement in ALWAYS + (WRITTEN if writes else []):
        text = pattern.sub(replacement, text)
    return mask_times(text, started) if writes else text


def mask_times(text, started):
    """Times since `started` become <now>."""
    for pattern, form in TIMES:
        text = pattern.sub(lambda found, form=form: _masked(found, form, started), text)
    return text


def _masked(found, form, started):
    stated = found.group(1)
    time = datetime.datetime.strptime(stated, form) if form else datetime.datetime.fromisoformat(stated)
    recent = abs((time - started).total_seconds()) < 86400
    return "<now>" if recent else found.group(0)


FREED = re.compile(r"(?<=compaction freed about )(\d+\.\d+|\d+) (B|kB|MB)")
UNITS = {"B": 1, "kB": 1000, "MB": 1000000}


def align(ours, real):
    """Sizes of freed space in `ours` that are within 64 bytes of those in `real`, in its words: what is freed holds times
    that were written, too, and they compress to a few bytes more or less."""
    wanted = FREED.findall(real)

    def aligned(found):
        number, unit = wanted.pop(0) if wanted else found.groups()
        gap = abs(float(number) * UNITS[unit] - float(found[1]) * UNITS[found[2]])
        return f"{number} {unit}" if gap <= 64 else found[0]

    return FREED.sub(aligned, ours)


def difference(real, ours):
    if isinstance(real, int):
        return f"    real {real}, ours {ours}"
    lines = difflib.unified_diff(real.split("\n"), ours.split("\n"), "real", "ours", n=1, lineterm="")
    return "\n".join("    " + line[:400] for line in list(lines)[2:40])
