"""Completions in the shells that users have: bash and zsh at a terminal, fish asked what it would offer."""

import os
import pty
import re
import select
import shutil
import subprocess
import time

MARK = "\x07"


class TypedShell:
    """An interactive shell on a pseudo terminal, with a key that shows the line as it stands."""

    def __init__(self, arguments, environment, setup, folder):
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.chdir(folder)
            os.execvpe(arguments[0], arguments, environment)
        self.pending = b""
        self.type(" " + "; ".join(setup) + "; echo READY$((40+2))\n")
        self.read_until(rb"READY42")
        time.sleep(0.2)
        self.drain()

    def type(self, text):
        os.write(self.terminal, text.encode())

    def drain(self):
        while select.select([self.terminal], [], [], 0.05)[0]:
            try:
                os.read(self.terminal, 65536)
            except OSError:
                break
        self.pending = b""

    def read_until(self, pattern, timeout=20):
        end = time.monotonic() + timeout
        while not (match := re.search(pattern, self.pending, re.S)):
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.terminal], [], [], left)[0]:
                raise AssertionError(f"the shell showed no {pattern!r}: {self.pending!r}")
            self.pending += os.read(self.terminal, 65536)
        return match

    def complete(self, line):
        """What the line is after TAB, and all that was shown meanwhile."""
        self.drain()
        self.type(line + "\t" + MARK)
        match = self.read_until(rb"<<(.*?)>>")
        shown = self.pending.decode(errors="replace")
        self.type("\x15")
        self.drain()
        return match[1].decode(errors="replace").replace("\r", "").replace("\n", ""), shown

    def close(self):
        os.close(self.terminal)
        os.waitpid(self.child, 0)


# The line, and what TAB makes of it.
LINES = [
    ("borg crea", "borg create "),
    ("borg key change", "borg key change-passphrase "),
    ("borg create --compr", "borg create --compression"),
    ("borg create --compression auto,zs", "borg create --compression auto,zstd "),
    ("borg --lock-wait 3 umo", "borg --lock-wait 3 umount "),
    ("borg list {repo}::mon", "borg list {repo}::monday"),
    ("borg list --last 3 {repo}::tues", "borg list --last 3 {repo}::tuesday"),
    ("borg list ::mon", "borg list ::monday"),
    ("borg diff {repo}::monday tue", "borg diff {repo}::monday tuesday "),
    ("borg help place", "borg help placeholders "),
    ("borg init --encryption=keyfile-", "borg init --encryption=keyfile-blake2"),
    ("borg init -e authenticated-", "borg init -e authenticated-blake2 "),
    ("borg list --sort-by name,ti", "borg list --sort-by name,timestamp"),
    ("borg create --exclude-from exclu", "borg create --exclude-from excludes "),
    ("borgfs --fore", "borgfs --foreground "),
    ("borgfs {repo}::wed", "borgfs {repo}::wednes-day"),
]


def prepare(program, work):
    """A repository with archives and a file, in a folder for the shells to stand in."""
    folder = os.path.join(work, "shells")
    os.mkdir(folder)
    open(os.path.join(folder, "excludes"), "w").close()
    program.run("init", "-e", "repokey", "repo", cwd=folder)
    for name in ("monday", "tuesday", "wednes-day"):
        program.run("create", f"repo::{name}", "excludes", cwd=folder)
    return folder


def check_typed(shell):
    wrong = []
    for line, expected in LINES:
        line = line.format(repo="repo")
        completed, _ = shell.complete(line)
        expected = expected.format(repo="repo")
        # Shells differ in what they put behind a word that could go on.
        if completed.rstrip(" =,").replace("\\", "") != expected.rstrip():
            wrong.append(f"{line!r} became {completed!r}, not {expected!r}")
    for line, offered in (("borg ", ["create", "import-tar", "key"]), ("borg list repo::", ["monday", "wednes-day"]),
                          ("borg prune --keep-", ["--keep-daily", "--keep-13weekly"])):
        _, shown = shell.complete(line)
        wrong += [f"{line!r} does not offer {word}: {shown!r}" for word in offered if word not in shown]
    assert not wrong, "\n".join(wrong)


def bash(folder, scripts, environment):
    subprocess.run(["bash", "-n", os.path.join(scripts, "borg.bash")], check=True)
    setup = ["PS1='$ '", "bind 'set bell-style none'", "bind 'set show-all-if-ambiguous on'",
             "bind 'set enable-bracketed-paste off'", "bind 'set completion-query-items 0'",
             "bind 'set page-completions off'", f"source {scripts}/borg.bash", "stty -echoctl",
             f"bind -x '\"\\C-g\": printf \"<<%s>>\" \"$READLINE_LINE\"'"]
    shell = TypedShell(["bash", "--norc", "--noprofile", "-i"], environment, setup, folder)
    try:
        check_typed(shell)
    finally:
        shell.close()


def zsh(folder, scripts, environment):
    subprocess.run(["zsh", "-n", os.path.join(scripts, "_borg")], check=True)
    setup = ["PS1='$ '", f"fpath=({scripts} $fpath)", "autoload -U compinit", "compinit -u -D", "LISTMAX=10000",
             "unsetopt list_beep", "show() { print -rn -- \"<<$BUFFER>>\" }", "zle -N show", "bindkey -e",
             "bindkey '^G' show", "bindkey '^U' kill-whole-line", "unset zle_bracketed_paste"]
    shell = TypedShell(["zsh", "-f", "-i"], environment, setup, folder)
    try:
        check_typed(shell)
    finally:
        shell.close()


def fish(folder, scripts, environment):
    def offers(line):
        done = subprocess.run(
            ["fish", "--no-config", "-c", f"source {scripts}/borg.fish; complete -C {line!r}"], cwd=folder,
            env=environment, capture_output=True, text=True, timeout=60, check=True)
        return [word.split("\t")[0] for word in done.stdout.splitlines()], done.stderr

    subprocess.run(["fish", "--no-execute", os.path.join(scripts, "borg.fish")], check=True)
    wrong = []
    for line, expected in [
        ("borg crea", "create"), ("borg key change", "change-passphrase"), ("borg create --compr", "--compression"),
        ("borg create --compression aut", "auto,zstd"), ("borg --lock-wait 3 umo", "umount"),
        ("borg list repo::mon", "repo::monday"), ("borg diff repo::monday tue", "tuesday"),
        ("borg help place", "placeholders"), ("borg init --encryption=keyfile-", "--encryption=keyfile-blake2"),
        ("borg list --sort-by name,ti", "name,timestamp"), ("borg create --exclude-from exclu", "excludes"),
        ("borgfs --fore", "--foreground"), ("borgfs repo::wed", "repo::wednes-day"), ("borg prune --keep-1", "--keep-13weekly"),
    ]:
        words, errors = offers(line)
        if expected not in words or errors:
            wrong.append(f"{line!r} does not offer {expected}: {words} {errors[:500]}")
    if "create" in offers("borg list repo ")[0]:
        wrong.append("commands are offered where there is one")
    assert not wrong, "\n".join(wrong)


def run(report, work, program):
    scripts = os.path.join(work, "completions")
    os.mkdir(scripts)
    for shell, name in (("bash", "borg.bash"), ("zsh", "_borg"), ("fish", "borg.fish")):
        with open(os.path.join(scripts, name), "wb") as out:
            out.write(program.run("help", "--completion", shell).output)
    folder = prepare(program, work)
    environment = dict(program.environment, TERM="xterm", PATH=os.path.dirname(program.path) + ":" +
                       program.environment["PATH"], BORG_REPO=os.path.join(folder, "repo"))
    for name, check in (("bash", bash), ("zsh", zsh), ("fish", fish)):
        if not report.wants(f"completion {name}"):
            continue
        with report.case(f"completion {name}"):
            assert shutil.which(name), f"{name} is not installed: Scripts/bootstrap test"
            check(folder, scripts, environment)
