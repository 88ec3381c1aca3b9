"""--progress on a terminal: one line that fits, is not written too often, tells rate and time left, and goes at the end."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
import unicodedata

FRAME = "\r\x1b[K"


def watch(program, words, columns, cwd, feed=None, drain=None, seconds=120, code=0):
    """Runs on a terminal of so many columns. `feed` goes slowly to standard input; `drain`: standard output is a pipe
    that is read so many bytes at a time, slowly. Returns what the terminal showed, and for how long it ran."""
    terminal, child_side = pty.openpty()
    fcntl.ioctl(child_side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    start = time.monotonic()
    child = subprocess.Popen(
        [program.path, *words], cwd=cwd, env=dict(program.environment, TERM="xterm"),
        stdin=subprocess.PIPE if feed else subprocess.DEVNULL, stdout=subprocess.PIPE if drain else child_side,
        stderr=child_side)
    os.close(child_side)
    shown = b""
    while True:
        if feed:
            os.write(child.stdin.fileno(), feed.pop())
            time.sleep(0.01)
            if not feed:
                child.stdin.close()
        if drain:
            os.read(child.stdout.fileno(), drain)
        if select.select([terminal], [], [], 0.003 if drain else 0.02)[0]:
            try:
                shown += os.read(terminal, 65536)
            except OSError:
                break
        assert time.monotonic() - start < seconds, shown[-1000:]
    os.close(terminal)
    child.wait()
    if drain:
        child.stdout.close()
    assert child.returncode == code, (child.returncode, shown[-2000:])
    return shown.decode(errors="replace"), time.monotonic() - start


def width(text):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def frames(shown, columns, seconds):
    """The lines that stood there one after the other."""
    assert shown.endswith(FRAME), repr(shown[-200:])
    lines = [line for line in shown.split(FRAME) if line]
    assert lines, repr(shown)
    for line in lines:
        assert not re.search(r"[\x00-\x1f]", line), repr(line)
        assert width(line) < columns, (width(line), line)
    assert len(lines) <= seconds * 10 + 5, (len(lines), seconds)
    return lines


def make(program, work):
    folder = os.path.join(work, "progress")
    source = os.path.join(folder, "source")
    os.makedirs(source)
    for number in range(40):
        name = f"文書の長い名前 {number} é 🎉 a name that fills more than one narrow line"
        with open(os.path.join(source, name), "wb") as out:
            out.write(os.urandom(1 << 20))
    with open(os.path.join(source, "tab\tand\x1b[31mcolour"), "wb") as out:
        out.write(os.urandom(1 << 20))
    program.run("init", "-e", "none", "repo", cwd=folder)
    program.run("create", "repo::one", "source", cwd=folder)
    return folder


def slowly(seconds):
    return [os.urandom(500_000) for _ in range(int(seconds * 40))]


def run(report, work, program):
    if not report.wants("progress"):
        return
    folder = make(program, work)
    with report.case("progress: create shows sizes and a rate in one line"):
        shown, seconds = watch(
            program, ["create", "-p", "repo::fed", "-"], 100, folder, feed=slowly(2.5))
        lines = frames(shown, 100, seconds)
        assert all(" O " in line and " D " in line for line in lines if "N" in line), lines
        assert any(re.search(r" N \d+\.\d [kM]B/s ", line) for line in lines), lines
    with report.case("progress: extract shows a rate and the time left"):
        shown, seconds = watch(
            program, ["extract", "-p", "--stdout", "repo::one"], 100, folder, drain=1_000_000)
        lines = frames(shown, 100, seconds)
        assert any(re.search(r"% Extracting: .*  \d+\.\d [kM]B/s  \d+:\d\d left$", line) for line in lines), lines
    for columns in (80, 30, 7):
        with report.case(f"progress: lines fit {columns} columns"):
            shown, seconds = watch(
                program, ["extract", "-p", "--dry-run", "repo::one"], columns, folder)
            frames(shown, columns, seconds)
            shown, seconds = watch(
                program, ["create", "-p", f"repo::narrow{columns}", "source"], columns, folder)
            frames(shown, columns, seconds)
    with report.case("progress: lists and errors stand on lines of their own"):
        shown, _ = watch(program, ["create", "-p", "--list", "repo::listed", "source"], 80, folder)
        listed = [line.split(FRAME)[-1] for line in shown.split("\r\n")]
        assert sum(line.startswith(("A ", "M ", "U ", "C ")) for line in listed) == 41, shown
        shown, _ = watch(program, ["check", "-p", "-v", "repo"], 80, folder)
        assert "no problems found." in [line.split(FRAME)[-1].rsplit(",")[-1].strip() for line in shown.split("\r\n")], shown
    with report.case("progress: every command clears its line"):
        for words in (["check", "--verify-data", "repo"], ["info", "repo::one"], ["export-tar", "repo::one", "one.tar"],
                      ["import-tar", "repo::tar", "one.tar"], ["recreate", "-e", "*9*", "repo::tar"],
                      ["delete", "repo::tar"], ["prune", "--keep-last", "2", "repo"],
                      ["compact", "--threshold", "0", "repo"]):
            shown, _ = watch(program, [*words[:1], "-p", *words[1:]], 80, folder)
            last = shown.rsplit(FRAME, 1)
            assert len(last) == 2 and (not last[1] or last[1].startswith("Archive name")), (words, shown)
    with report.case("progress: silent when not asked for"):
        for words in (["create", "repo::silent", "source"], ["check", "repo"], ["extract", "--dry-run", "repo::silent"],
                      ["delete", "repo::silent"], ["compact", "repo"]):
            shown, _ = watch(program, words, 80, folder)
            assert not shown, (words, shown)
    with report.case("progress: as Borg writes it where there is no terminal"):
        errors = program.run("extract", "-p", "--dry-run", "repo::listed", cwd=folder).errors
        assert b"% Extracting: " in errors and b"\x1b[K" not in errors, errors[:300]
        errors = program.run("create", "-p", "repo::piped", "source", cwd=folder).errors
        assert b" D 0 N source\n\n" in errors and b"\x1b[K" not in errors, errors[-300:]
    with report.case("errors: one line, which on a terminal also says what to do next"):
        shown, _ = watch(program, ["list", "nowhere"], 200, folder, code=2)
        assert shown.strip().endswith("does not exist. Check the path, or make the repository with \"borg init\"."), shown
        for words, text in ((["list", "nowhere"], b"does not exist.\n"), (["list", "repo::none"], b"Archive none does not exist\n"),
                            (["check", "--sort-by", "nam", "repo"], b"Invalid sort key: nam (maybe you meant name?)\n")):
            errors = program.run(*words, cwd=folder, code=2).errors
            assert errors.endswith(text), errors
