"""Join two CSV tables from standard input on a key column."""

import argparse
import csv
import io
import sys
from typing import NamedTuple

_SEPARATOR = "---"


class InputError(Exception):
    """The input cannot be joined; the message says why."""


class Table(NamedTuple):
    """A header and records of its length."""

    header: list[str]
    records: list[list[str]]


def _split(text: str) -> tuple[str, str]:
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if line.rstrip("\r") == _SEPARATOR:
            return "\n".join(lines[:number]), "\n".join(lines[number + 1 :])
    raise InputError("missing separator")


def _read(text: str) -> Table:
    records = [record for record in csv.reader(io.StringIO(text, newline="")) if record]
    if not records:
        raise InputError("missing header")
    return Table(records[0], records[1:])


def _filled(table: Table, side: str) -> Table:
    width = len(table.header)
    for number, record in enumerate(table.records, start=1):
        if len(record) > width:
            raise InputError(f"record {number} of the {side} table is too long")
    return Table(table.header, [r + [""] * (width - len(r)) for r in table.records])


def join(text: str, key: str, keep_left: bool, fill: str) -> list[list[str]]:
    """Return header and records of the joined table; raise InputError."""
    tables = [_read(half) for half in _split(text)]
    for table, side in zip(tables, ("left", "right")):
        if key not in table.header:
            raise InputError(f"no column {key} in {side} table")
    left, right = (_filled(table, side) for table, side in zip(tables, ("left", "right")))

    left_at, right_at = left.header.index(key), right.header.index(key)
    added = [name for at, name in enumerate(right.header) if at != right_at]
    renamed = [f"{name}_right" if name in left.header else name for name in added]
    matches: dict[str, list[list[str]]] = {}
    for record in right.records:
        if record[right_at]:
            rest = record[:right_at] + record[right_at + 1 :]
            matches[record[right_at]] = [rest]

    no_match = [[fill] * len(added)] if keep_left else []
    joined = [left.header + renamed]
    for record in left.records:
        joined += [record + rest for rest in matches.get(record[left_at], no_match)]
    return joined


def main() -> None:
    """Read the arguments and standard input, and print the joined table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("key", help="column that both tables have")
    parser.add_argument("--left", action="store_true", help="keep left records without match")
    parser.add_argument("--fill", default="", help="text for the columns of no match")
    options = parser.parse_args()
    try:
        joined = join(sys.stdin.read(), options.key, options.left, options.fill)
    except InputError as error:
        print(f"error: {error}")
        return
    csv.writer(sys.stdout, lineterminator="\n").writerows(joined)


if __name__ == "__main__":
    main()
