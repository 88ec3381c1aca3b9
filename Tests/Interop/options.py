"""Whether every option of every command has a test of what it does."""

import json
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
TABLE = os.path.join(ROOT, "Tests", "Fixtures", "commands", "options.json")
ELSEWHERE = os.path.join(HERE, "lines", "elsewhere.tsv")
GROUPS = {"key", "debug", "benchmark"}


def check(scenes):
    with open(TABLE, encoding="utf-8") as file:
        table = {command: options for command, options in json.load(file).items() if command not in not_yet()}
    elsewhere = read_elsewhere(table)
    used = used_options(scenes, table)
    missing = []
    for command, options in table.items():
        for option in options:
            key = (command, option["names"][0])
            if key not in used and key not in elsewhere:
                missing.append(" ".join(key))
            elif key in used and key in elsewhere:
                missing.append(f"{' '.join(key)} stands in a line and elsewhere")
    assert not missing, "options without a test:\n" + "\n".join(missing)


def not_yet():
    """Commands that the README says are missing."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        return {name for line in file if line.startswith("Not there yet") for name in re.findall(r"`(.*?)`", line)}


def read_elsewhere(table):
    """Lines `command TAB option TAB file TAB text in it that names the test`."""
    found = set()
    with open(ELSEWHERE, encoding="utf-8") as file:
        for line in file:
            if not line.strip() or line.startswith("#"):
                continue
            command, option, path, text = line.rstrip("\n").split("\t")
            with open(os.path.join(ROOT, path), encoding="utf-8") as test:
                assert text in test.read(), f"{path} has no test `{text}`"
            names = [entry["names"][0] for entry in table[command]]
            assert option in names, f"elsewhere.tsv: {command} has no option {option}"
            found.add((command, option))
    return found


def used_options(scenes, table):
    used = set()
    for scene in scenes:
        for line in scene.commands:
            used |= options_of(line.words, table)
    return used


def options_of(words, table):
    """(command, first name) of each option that stands in a command line."""
    command = command_of(words, table)
    found = set()
    for level in ("common", command):
        names = {name: option for option in table.get(level, []) for name in option["names"]}
        for word in words:
            if word == "--":
                break
            for name in spelled(word, names):
                found.add((level, names[name]["names"][0]))
    return found


def spelled(word, names):
    """The options that one word spells: `--name`, `--name=value`, `-n`, `-nvalue`, `-nv`."""
    if word.startswith("--"):
        name = word.split("=")[0]
        return [name] if name in names else []
    if not re.match(r"-[A-Za-z]", word):
        return []
    found = []
    for letter in word[1:]:
        if f"-{letter}" not in names:
            break
        found.append(f"-{letter}")
        if names[f"-{letter}"]["value"] != "none":
            break
    return found


def command_of(words, table):
    plain = [word for word in words if not word.startswith("-")]
    for first, second in zip(plain, plain[1:] + [""]):
        if first in GROUPS:
            return f"{first} {second}"
        if first in table:
            return first
    return "borg"
