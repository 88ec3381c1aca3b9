"""--progress with --log-json: what front-ends read is the same, event by event, in all commands that show progress."""

import json
import os
import shutil

from program import Program

# What is done, in this order, to the repository that real Borg has made.
STEPS = [
    ("cache sync and info", ["info", "repo::one"], {"BORG_CACHE_DIR": "fresh-cache"}),
    ("check", ["check", "repo"], {}),
    ("check --verify-data", ["check", "--verify-data", "repo"], {}),
    ("extract", ["extract", "repo::one"], {}),
    ("extract a path", ["extract", "--dry-run", "repo::one", "source/deep"], {}),
    ("export-tar", ["export-tar", "repo::one", "one.tar"], {}),
    ("create", ["create", "repo::three", "source"], {}),
    ("import-tar", ["import-tar", "repo::four", "one.tar"], {}),
    ("recreate", ["recreate", "--exclude", "source/deep", "repo::two"], {}),
    ("delete", ["delete", "repo::one"], {}),
    ("prune", ["prune", "--keep-last", "1", "repo"], {}),
    ("compact", ["compact", "--threshold", "0", "repo"], {}),
    ("list", ["list", "repo"], {}),
    ("delete a repository", ["delete", "repo"], {}),
]


def make(folder, oracle):
    source = os.path.join(folder, "source")
    os.makedirs(os.path.join(source, "deep", "er"))
    for number in range(300):
        with open(os.path.join(source, "deep" if number % 2 else ".", f"file {number} å"), "wb") as out:
            out.write(b"%d " % number * (number * 40))
    with open(os.path.join(source, "deep", "er", "large"), "wb") as out:
        out.write(os.urandom(7 << 20))
    oracle.run("init", "-e", "repokey", "repo", cwd=folder)
    for name in ("one", "two"):
        oracle.run("create", f"repo::{name}", "source", cwd=folder)


def events(program, words, folder, variables):
    program.environment.update({name: os.path.join(folder, value) for name, value in variables.items()})
    result = program.run("--progress", "--log-json", *words, cwd=folder)
    for name in variables:
        del program.environment[name]
    return [json.loads(line) if line.startswith(b"{") else {"type": "text", "text": line.decode()}
            for line in result.errors.splitlines()]


def essence(found, nested):
    """What does not depend on the clock. Borg shows an indicator that runs inside of another as log messages, which
    nobody can rely on: those are left out here, and what belongs to them on the other side."""
    steps = []
    for event in found:
        event.pop("time", None)
        # Numbers count all indicators of a process, nested ones included.
        event.pop("operation", None)
        if "message" in event:
            event["message"] = event["message"].replace("progress-ours", "progress-oracle")
        if event["type"] == "archive_progress" and not event["finished"]:
            assert {"original_size", "compressed_size", "deduplicated_size", "nfiles", "path"} <= event.keys(), event
        elif event.get("name") == "borg.output.progress" or event.get("msgid") in nested:
            continue
        else:
            # Some end twice, and the transactions of one run are nested or not.
            if steps[-1:] != [event] and not (event.get("msgid") == "cache.begin_transaction" and event in steps):
                steps.append(event)
    return steps


def grouped(steps):
    """Events of one kind follow each other: when a transaction of the cache begins is each program's own affair."""
    return sorted(steps, key=lambda event: (event["type"], event.get("msgid") or event.get("name") or ""))


def compare(mine, theirs):
    kinds = [{event["msgid"] for event in found if "operation" in event} for found in (mine, theirs)]
    nested = kinds[0] - kinds[1] if any(event.get("name") == "borg.output.progress" for event in theirs) else set()
    mine, theirs = grouped(essence(mine, nested)), grouped(essence(theirs, nested))
    # Borg's recreate writes its sizes as text between the objects: there it has no such event.
    if any(event["type"] == "text" for event in theirs):
        theirs = [event for event in theirs if event["type"] != "text"]
        mine = [event for event in mine if event["type"] != "archive_progress"]
    different = [(a, b) for a, b in zip(mine, theirs) if a != b]
    assert not different, "\n".join(f"ours   {a}\noracle {b}" for a, b in different[:5])
    assert len(mine) == len(theirs), (mine[len(theirs):] or theirs[len(mine):])[:5]


def run(report, work, ours, oracle):
    if not report.wants("progress"):
        return
    folder = os.path.join(work, "progress")
    homes = {}
    os.mkdir(folder)
    first = Program("oracle", oracle.path, os.path.join(folder, "home"))
    make(folder, first)
    for name in ("ours", "oracle"):
        homes[name] = os.path.join(work, f"progress-{name}")
        shutil.copytree(folder, homes[name], symlinks=True)
    programs = {name: Program(name, path, os.path.join(homes[name], "home"))
                for name, path in (("ours", ours.path), ("oracle", oracle.path))}
    for program in programs.values():
        program.environment["BORG_RELOCATED_REPO_ACCESS_IS_OK"] = "yes"
    for title, words, variables in STEPS:
        with report.case(f"progress events: {title}"):
            compare(*(events(programs[name], words, homes[name], variables) for name in ("ours", "oracle")))
    for path in [folder, *homes.values()]:
        shutil.rmtree(path)
