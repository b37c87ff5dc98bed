#!/usr/bin/env python3
"""scripts/count_tests.py on logs as ctest and test.sh write them."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts/count_tests.py"
FINE = """1: [skipped] a GPU: none here
1: [doctest] test cases:  5 |  5 passed | 0 failed |
1/1 Test  #1: fine ....   Passed  1.00 sec
"""


def counted(*logs):
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for i, text in enumerate(logs):
            paths.append(pathlib.Path(folder) / f"{i}.log")
            paths[-1].write_text(text)
        done = subprocess.run([sys.executable, SCRIPT, *paths], capture_output=True, text=True)
    return done.stdout.splitlines()[-1], done.returncode


class CountTests(unittest.TestCase):
    def test_cases_and_checks_are_summed_and_a_case_that_skips_has_not_passed(self):
        self.assertEqual(counted(FINE, "[passed] layers\n"), ("5 passed, 0 failed, 1 skipped", 0))

    def test_the_output_of_a_failed_program_is_repeated_and_counts_once(self):
        body = "[skipped] b: c\n\x1b[31m[doctest] test cases:  7 |  4 passed | 3 failed |\n"
        log = FINE + "".join(f"2: {line}\n" for line in body.splitlines()) + "2/2 Test  #2: bad ....***Failed  2.00 sec\n" + body
        self.assertEqual(counted(log), ("7 passed, 3 failed, 2 skipped", 1))

    def test_a_program_that_crashed_is_one_failed_case(self):
        self.assertEqual(counted(FINE + "2: half a line\n2/2 Test  #2: bad ....***Exception: SegFault  2.00 sec\n"),
                         ("4 passed, 1 failed, 1 skipped", 1))

    def test_a_build_that_failed_and_logs_without_a_test_are_failures(self):
        self.assertEqual(counted("[failed] asan does not build\n"), ("0 passed, 1 failed, 0 skipped", 1))
        self.assertEqual(counted(""), ("0 passed, 0 failed, 0 skipped", 1))


if __name__ == "__main__":
    unittest.main()
