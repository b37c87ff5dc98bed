#!/usr/bin/env python3
"""Sums test cases over ctest logs and check lines; prints `N passed, N failed, N skipped` and exits 1 when anything failed.

Counts doctest's summary of each program, `[skipped] ...` lines that a case printed, `[passed]`/`[failed]` lines of other checks, and a
program that ctest calls failed although its cases passed or that printed no summary (a crash, a time-out) as one failed case. ctest
puts its number before what a program prints and repeats a failed program's output without one: the repetition does not count."""
import re
import sys

NUMBERED = re.compile(r"^\d+: ")
SUMMARY = re.compile(r"^(?:(?P<test>\d+): )?\[doctest\] test cases:\s*\d+\s*\|\s*(?P<passed>\d+) passed\s*\|\s*(?P<failed>\d+) failed\s*\|")
MARK = re.compile(r"^(\d+: )?\[(passed|failed|skipped)\] ")
ENDED = re.compile(r"^\s*\d+/\d+ Test\s+#(\d+): (\S+) \.+\s*(\S.*)$")


def count(path):
    passed = failed = skipped = 0
    cases_failed = {}  # by ctest's number: programs that run at once mix their lines
    skip_lines = []
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line.rstrip("\n")) for line in open(path, errors="replace")]
    of_ctest = any(NUMBERED.match(line) for line in lines)
    for line in lines:
        if of_ctest and not NUMBERED.match(line) and not ENDED.match(line):
            continue
        if m := SUMMARY.match(line):
            passed += int(m["passed"])
            failed += int(m["failed"])
            cases_failed[m["test"]] = int(m["failed"])
        elif m := MARK.match(line):
            if m[2] == "skipped":
                skipped += 1
                passed -= m[1] is not None  # a doctest case that said so counts as passed in its program's summary
                skip_lines.append(line)
            elif m[2] == "passed":
                passed += 1
            else:
                failed += 1
        elif m := ENDED.match(line):
            if not m[3].startswith("Passed") and not cases_failed.get(m[1]):
                failed += 1
                print(f"{m[2]}: {m[3]}")
    return passed, failed, skipped, skip_lines


def main():
    totals = [0, 0, 0]
    reasons = {}
    for path in sys.argv[1:]:
        *numbers, lines = count(path)
        totals = [a + b for a, b in zip(totals, numbers)]
        for line in lines:
            text = NUMBERED.sub("", line)
            reasons[text] = reasons.get(text, 0) + 1
    for text, times in sorted(reasons.items()):
        print(text if times == 1 else f"{text} (x{times})")
    print("{} passed, {} failed, {} skipped".format(*totals))
    sys.exit(1 if totals[1] or not totals[0] else 0)


main()
