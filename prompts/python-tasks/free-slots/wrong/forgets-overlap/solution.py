"""Free time between meetings."""

import re
from collections.abc import Sequence

_TIME = re.compile(r"([0-9]{2}):([0-9]{2})")


def _minutes(text: str) -> int:
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"not a time: {text!r}")
    hours, minutes = int(match[1]), int(match[2])
    if minutes > 59 or hours * 60 + minutes > 24 * 60:
        raise ValueError(f"time out of range: {text!r}")
    return hours * 60 + minutes


def _text(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def free_slots(
    busy: Sequence[Sequence[str]], day_start: str, day_end: str, minimum: int
) -> list[list[str]]:
    """Return the gaps of the day of at least ``minimum`` minutes, ascending.

    Raises ValueError for malformed times, pairs or days and for a minimum below 1.
    """
    start, end = _minutes(day_start), _minutes(day_end)
    if end <= start:
        raise ValueError("the day must end after it starts")
    if minimum < 1:
        raise ValueError("minimum must be at least 1")
    meetings = sorted((_minutes(first), _minutes(last)) for first, last in busy)
    if any(last < first for first, last in meetings):
        raise ValueError("a meeting ends before it starts")

    slots = []
    free_from = start
    for first, last in [m for m in meetings if m[0] < m[1]] + [(end, end)]:
        until = min(first, end)
        if until - free_from >= minimum:
            slots.append([_text(free_from), _text(until)])
        free_from = last
    return slots
