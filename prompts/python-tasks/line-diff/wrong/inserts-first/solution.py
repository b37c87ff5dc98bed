"""Minimal line diff of two texts from standard input."""

import argparse
import sys
from itertools import groupby
from typing import NamedTuple

_SEPARATOR = "====="


class Edit(NamedTuple):
    """A line of the diff: " " keeps, "-" deletes, "+" inserts."""

    sign: str
    line: str


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _edits(old: list[str], new: list[str]) -> list[Edit]:
    """Return the walk along a longest common subsequence, deletions first."""
    # kept[i][j]: most lines that can be kept of old[i:] and new[j:]
    kept = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i in reversed(range(len(old))):
        for j in reversed(range(len(new))):
            if old[i] == new[j]:
                kept[i][j] = kept[i + 1][j + 1] + 1
            else:
                kept[i][j] = max(kept[i + 1][j], kept[i][j + 1])
    edits = []
    i = j = 0
    while i < len(old) or j < len(new):
        if i < len(old) and j < len(new) and old[i] == new[j]:
            edits.append(Edit(" ", old[i]))
            i, j = i + 1, j + 1
        elif j < len(new) and kept[i][j + 1] == kept[i][j]:
            edits.append(Edit("+", new[j]))
            j += 1
        else:
            edits.append(Edit("-", old[i]))
            i += 1
    return edits


def _deletions_first(edits: list[Edit]) -> list[Edit]:
    ordered: list[Edit] = []
    for _, run in groupby(edits, key=lambda edit: edit.sign == " "):
        # "-" sorts behind "+", and sorting is stable.
        ordered += sorted(run, key=lambda edit: edit.sign, reverse=True)
    return ordered


def _ranges(edits: list[Edit], context: int) -> list[tuple[int, int]]:
    """Return the parts of the edits that become hunks."""
    ranges: list[tuple[int, int]] = []
    for place, edit in enumerate(edits):
        if edit.sign == " ":
            continue
        start, end = max(0, place - context), min(len(edits), place + context + 1)
        if ranges and start <= ranges[-1][1]:
            ranges[-1] = (ranges[-1][0], end)
        else:
            ranges.append((start, end))
    return ranges


def _span(before: int, count: int) -> str:
    return f"{before + 1 if count else before},{count}"


def _count(edits: list[Edit], signs: str) -> int:
    return sum(edit.sign in signs for edit in edits)


def _hunk(edits: list[Edit], start: int, end: int) -> list[str]:
    before, inside = edits[:start], edits[start:end]
    old = _span(_count(before, " -"), _count(inside, " -"))
    new = _span(_count(before, " +"), _count(inside, " +"))
    return [f"@@ -{old} +{new} @@", *(edit.sign + edit.line for edit in inside)]


def main() -> None:
    """Print the diff of the two texts on standard input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--context", type=int, default=3, help="kept lines around changes")
    parser.add_argument("--stat", action="store_true", help="print the counts only")
    options = parser.parse_args()
    lines = _lines(sys.stdin.read())
    middle = lines.index(_SEPARATOR)
    edits = _deletions_first(_edits(lines[:middle], lines[middle + 1 :]))
    inserted, deleted = _count(edits, "+"), _count(edits, "-")
    if options.stat:
        print(f"+{inserted} -{deleted}")
    else:
        for start, end in _ranges(edits, options.context):
            print("\n".join(_hunk(edits, start, end)))


if __name__ == "__main__":
    main()
