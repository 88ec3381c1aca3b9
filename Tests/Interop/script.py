"""Scenes of command lines, and what is compared of them.

    == NAME @ REPOSITORY [writes] [tree]  a scene on a copy of the repository that stage.py makes; `writes`: new ids
                                          and times are made, so they are masked; `tree`: in the common tree
    list --short REPO                     a command line of borg in shell quoting; REPO and the other names of
                                          stage.py are replaced; `borgfs …` is one of borgfs
    A=b C= -D list REPO                   with environment variables; -D takes one away
    key import REPO - <<< 'text'          with text on stdin
    $ ls -A                               a shell command whose output is compared too
    !errors:err list REPO                 the row `errors` of REASONS allows stderr (out, rc) to differ here
    # comment
"""

import glob
import os
import re
import shlex
import shutil

import masks
import stage

HERE = os.path.dirname(os.path.abspath(__file__))
README = os.path.join(HERE, "..", "..", "README.md")

# Mark of a line: first cell of the README's row that allows it.
REASONS = {
    "errors": "errors",
    "help": "help and usage texts",
    "prompt": "a passphrase is needed and there is no terminal",
    "broken": "the lock was broken while a transaction ran",
    "bytes": "`{bpath}`, `{barchive}`, `{bcomment}`",
    "init": "interrupted or failed `init`",
    "repair": "`check --repair`: superseded objects",
    "hardlink": "`extract` without writing: a hard link whose first name is not selected",
    "root": "extract: item `.`",
    "tam": "`upgrade --tam --dry-run`",
    "recreate": "`recreate --stats`",
    "debug": "`--debug`",
    "logging": "`BORG_LOGGING_CONF`",
    "qr": "`key export --qr-html`",
    "more": "the command `find`, the topics `environment` and `exit-codes`",
    "nfiles": "`import-tar`: number of files",
}


class Command:
    def __init__(self, text):
        self.text = text
        self.reason, self.allowed = None, []
        if text.startswith("!"):
            mark, _, text = text[1:].partition(" ")
            self.reason, allowed = mark.split(":", 1)
            self.allowed = allowed.split(",")
        self.shell = text[2:] if text.startswith("$ ") else None
        self.changes, self.stdin, self.words = [], b"", []
        if self.shell is None:
            self._parse(shlex.split(text))

    def _parse(self, words):
        while words and (re.match(r"[A-Za-z_]+=", words[0]) or re.match(r"-[A-Z_]{2,}$", words[0])):
            word = words.pop(0)
            self.changes.append((word[1:], None) if word.startswith("-") else tuple(word.split("=", 1)))
        if "<<<" in words:
            at = words.index("<<<")
            self.stdin = words[at + 1].encode().decode("unicode_escape").encode("latin-1")
            words = words[:at] + words[at + 2:]
        self.words = words


class Scene:
    def __init__(self, header, source):
        name, _, where = header.partition(" @ ")
        words = where.split()
        self.name = f"{source}: {name.strip()}"
        self.repository = words[0]
        self.writes = "writes" in words[1:]
        self.in_tree = "tree" in words[1:]
        self.lines = []

    @property
    def commands(self):
        return [line for line in self.lines if line.shell is None]


def read_all():
    scenes = []
    for path in sorted(glob.glob(os.path.join(HERE, "lines", "*.txt"))):
        scenes += read(path)
    return scenes


def read(path):
    source = os.path.basename(path).removesuffix(".txt")
    scenes = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            line = line.strip()
            if line.startswith("== "):
                scenes.append(Scene(line[3:], source))
            elif line and not line.startswith("#"):
                scenes[-1].lines.append(Command(line))
    return scenes


def check_reasons(scenes):
    with open(README, encoding="utf-8") as file:
        rows = [line.split("|")[1].strip() for line in file if line.startswith("| ")]
    missing = [row for row in REASONS.values() if row not in rows]
    unknown = [line.text for scene in scenes for line in scene.lines if line.reason and line.reason not in REASONS]
    assert not missing and not unknown, f"no such row: {missing}; no such reason: {unknown}"


class Play:
    """A scene on the repository that one of the programs has made."""

    def __init__(self, scene, sides, made, maker):
        self.scene, self.sides, self.made, self.maker = scene, sides, made, maker
        self.name = f"{scene.name} [made by {maker}]"
        self.lines = len(scene.lines)

    def run(self):
        name = re.sub(r"\W+", "-", self.name)[:60]
        places = [self.made.copy(self.scene.repository, self.maker, side, name) for side in self.sides]
        problems = []
        for line in self.scene.lines:
            problems += self._compare(line, places)
        for place in places:
            stage.unmount(os.path.join(place, "cwd"))
            shutil.rmtree(place, ignore_errors=True)
        assert not problems, "\n".join(problems)

    def _compare(self, line, places):
        results = self.made.run_both(self.sides, lambda side, place: self._perform(line, side, place), places)
        ours, real = ({"rc": code, "out": self._mask(out, side), "err": self._mask(errors, side)}
                      for (code, out, errors), side in zip(results, self.sides))
        if self.scene.writes:
            for field in ("out", "err"):
                ours[field] = masks.align(ours[field], real[field])
        differing = [field for field in ours if ours[field] != real[field]]
        problems = [f"{field} of `{line.text}`:\n{masks.difference(real[field], ours[field])}"
                    for field in differing if field not in line.allowed]
        if line.reason and not any(field in differing for field in line.allowed):
            problems.append(f"`{line.text}`: nothing differs any more, the mark is stale")
        return problems

    def _perform(self, line, side, place):
        cwd = self.made.tree if self.scene.in_tree else os.path.join(place, "cwd")
        if line.shell is not None:
            return side.run(place, ["sh", "-c", self.made.substitute(line.shell, place)], cwd)
        changes = [(name, value and self.made.substitute(value, place)) for name, value in line.changes]
        words = [self.made.substitute(word, place) for word in line.words]
        return side.run(place, words if words[:1] == ["borgfs"] else ["borg", *words], cwd, changes, line.stdin)

    def _mask(self, data, side):
        return masks.mask(data, side.work, self.made.started, self.scene.writes)
