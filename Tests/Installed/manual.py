"""The manual pages: there is one for each command, and neither groff nor mandoc has anything to say about them."""

import os
import subprocess


def run(report, work, program):
    if not report.wants("manual"):
        return
    folder = os.path.join(work, "manual")
    os.mkdir(folder)
    program.run("help", "--manual", folder)
    pages = sorted(os.listdir(folder))
    with report.case("manual: a page for each command"):
        text = program.run("--help").output.decode()
        commands = [line.split()[0] for line in text.split("commands:\n")[1].split("\n\n")[0].splitlines()
                    if line.startswith("  ") and line[2] != " "]
        assert len(commands) > 20, commands
        missing = [name for name in commands if f"borg-{name}.1" not in pages]
        assert not missing, missing
        assert {"borg.1", "borgfs.1", "borg-key-export.1", "borg-patterns.1"} <= set(pages), pages
    with report.case("manual: no warnings"):
        said = []
        for page in pages:
            path = os.path.join(folder, page)
            lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", path], capture_output=True, text=True)
            groff = subprocess.run(["groff", "-ww", "-z", "-mandoc", "-Tutf8", path], capture_output=True, text=True)
            said += [lint.stdout, lint.stderr, groff.stderr]
            assert lint.returncode == 0 and groff.returncode == 0, (page, said)
        assert not "".join(said), "".join(said)
    with report.case("manual: options and examples are readable"):
        done = subprocess.run(
            ["man", "-l", os.path.join(folder, "borg-create.1")], capture_output=True, text=True, check=True,
            env=dict(os.environ, MANWIDTH="80", LC_ALL="C.UTF-8"))
        for words in ("borg-create - make a backup", "-C COMPRESSION, --compression COMPRESSION",
                      "pg_dump db | borg create --stdin-name db.sql"):
            assert words in done.stdout, words
        wide = [line for line in done.stdout.splitlines() if len(line) > 80]
        assert not wide, wide
