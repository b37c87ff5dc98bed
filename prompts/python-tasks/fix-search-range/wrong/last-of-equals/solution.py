"""Searches in records that are sorted by their key."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, Optional

Record = dict[str, Any]


def _key(record: Record) -> int:
    return int(record["key"])


def find_first(records: Sequence[Record], key: int) -> int:
    """Return the index of the first record with the key, or -1."""
    at = bisect_left(records, key, key=_key)
    return at if at < len(records) and _key(records[at]) == key else -1


def count_between(records: Sequence[Record], start: int, end: int) -> int:
    """Return how many records have ``start <= key < end``."""
    if end <= start:
        return 0
    return bisect_left(records, end, key=_key) - bisect_left(records, start, key=_key)


def nearest(records: Sequence[Record], key: int) -> Optional[Record]:
    """Return the record closest to the key; the smaller key, then the first, wins ties."""
    at = bisect_left(records, key, key=_key)
    if at == len(records):
        if not records:
            return None
    elif at == 0 or _key(records[at]) - key < key - _key(records[at - 1]):
        return records[at]
    return records[at - 1]
