#!/usr/bin/env python3
"""Runs one part of the end-to-end tests with the real programs:  run.py PRECISD PRECIS PART [TEST...]

PART is a file of this folder without "_test.py". Models come from $PRECIS_TEST_MODELS, else from where
`precis model pull` puts them; without them the exit code is 77."""
import importlib
import sys
import time
import unittest

import harness


class Report(unittest.TextTestResult):
    """One line a test, with its seconds."""

    def startTest(self, test):
        self.began = time.monotonic()
        super().startTest(test)

    def getDescription(self, test):
        return test.shortDescription() or str(test)

    def addSuccess(self, test):
        unittest.TestResult.addSuccess(self, test)
        self.stream.writeln(f"ok ({time.monotonic() - self.began:.1f} s)")
        self.passed = getattr(self, "passed", 0) + 1


def main(precisd, precis, part, *names):
    for model in (harness.ENCODER, harness.GENERATOR):
        if not (harness.MODELS / model).is_dir():
            print(f"SKIPPED: model {model} is not in {harness.MODELS}; 'precis model pull {model}' fetches it")
            return 77
    harness.precisd, harness.precis = precisd, precis
    module = importlib.import_module(part + "_test")
    loader = unittest.defaultTestLoader
    if names:
        loader.testNamePatterns = [f"*{name}*" for name in names]
    runner = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Report)
    result = runner.run(loader.loadTestsFromModule(module))
    failed = len(result.failures) + len(result.errors)
    print(f"{getattr(result, 'passed', 0)} passed, {failed} failed, {len(result.skipped)} skipped")
    return 0 if result.wasSuccessful() and result.testsRun > 0 else 1


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
