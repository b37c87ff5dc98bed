"""Report over a request log on standard input."""

import argparse
import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from typing import Optional

_LINE = re.compile(r"[^ ]+ ([^ ]+) ([^ ]+) ([1-5][0-9]{2}) ([0-9]+)")

Times = dict[tuple[str, str], list[int]]


def _tenths(numerator: int, denominator: int) -> str:
    """Return the quotient with one decimal, halves rounded up."""
    tenths = (20 * numerator + denominator) // (2 * denominator)
    return f"{tenths // 10}.{tenths % 10}"


def _percentile_95(times: list[int]) -> int:
    rank = -(-95 * len(times) // 100)
    return sorted(times)[rank - 1]


def report(lines: Iterable[str], top: int, only: Optional[str]) -> list[str]:
    """Return the lines of the report."""
    malformed = failed = 0
    times: Times = defaultdict(list)
    for line in lines:
        line = line.rstrip("\r\n")
        if not line.strip():
            continue
        match = _LINE.fullmatch(" ".join(line.split()))
        if match is None:
            malformed += 1
            continue
        method, target, status, milliseconds = match.groups()
        if only is not None and method != only:
            continue
        failed += status.startswith("5")
        times[method, target.partition("?")[0]].append(int(milliseconds))

    requests = sum(map(len, times.values()))
    share = _tenths(100 * failed, requests) if requests else "0.0"
    printed = [f"requests: {requests}", f"malformed: {malformed}", f"errors: {share}%"]
    busiest = sorted(
        times.items(), key=lambda item: (-len(item[1]), -sum(item[1]) / len(item[1]), item[0])
    )
    for (method, path), taken in busiest[:top]:
        mean = _tenths(sum(taken), len(taken))
        printed.append(f"{method} {path} {len(taken)} {mean} {_percentile_95(taken)}")
    return printed


def main() -> None:
    """Read the options and standard input, and print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--top", type=int, default=3, help="pairs of method and path to list")
    parser.add_argument("--only", help="count requests of this method only")
    options = parser.parse_args()
    print("\n".join(report(sys.stdin, options.top, options.only)))


if __name__ == "__main__":
    main()
