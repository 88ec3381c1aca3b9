"""The table of results."""

import time
import traceback


class Skipped(Exception):
    """The case was not asked for."""


class Case:
    """`with report.case(name):` times a block and notes whether it failed; a failure does not end the run."""

    def __init__(self, report, name):
        self.report = report
        self.name = name
        self.passed = False

    def __enter__(self):
        self.start = time.monotonic()
        return self

    def __exit__(self, kind, error, trace):
        if kind and not issubclass(kind, Exception):
            return False
        self.passed = kind is None
        detail = ""
        if error is not None:
            detail = str(error) if isinstance(error, AssertionError) else "".join(traceback.format_exception(error))
        self.report.result(self, time.monotonic() - self.start, detail)
        return True


class Report:
    def __init__(self, only):
        self.only = only
        self.passed = 0
        self.failed = 0
        self.failures = []

    def wants(self, name):
        return self.only in name

    def case(self, name):
        return Case(self, name)

    def note(self, text):
        print(text, flush=True)

    def result(self, case, seconds, detail):
        if case.passed:
            self.passed += 1
        else:
            self.failed += 1
            self.failures.append(case.name)
        print(f"{'ok    ' if case.passed else 'FAILED'} {seconds:7.1f} s  {case.name}", flush=True)
        for line in detail.splitlines():
            print(f"           | {line}", flush=True)

    def finish(self):
        if self.passed + self.failed == 0:
            print("no case was run")
            self.failed += 1
        for name in self.failures:
            print(f"failed: {name}")
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed else 0
