"""Business-day arithmetic."""

import re
from bisect import bisect_left
from datetime import date

_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _parse(text: str) -> date:
    if not _ISO.fullmatch(text):
        raise ValueError(f"not a date of the form YYYY-MM-DD: {text!r}")
    return date.fromisoformat(text)


def _weekdays_through(day: int) -> int:
    """Count Mondays to Fridays in ordinals 1..day (ordinal 1 is a Monday)."""
    weeks, rest = divmod(day, 7)
    return weeks * 5 + min(rest, 5)


def add_business_days(start: str, days: int, holidays: list[str]) -> str:
    """Return the date ``days`` business days after (or before) ``start``.

    Counts business days with arithmetic and finds the date by bisection.
    Raises ValueError for malformed dates, OverflowError outside years 1 to 9999.
    """
    first = _parse(start).toordinal()
    closed = sorted({d.toordinal() for d in map(_parse, holidays) if d.weekday() < 5})

    def through(day: int) -> int:
        return _weekdays_through(day) - bisect_left(closed, day + 1)

    if days > 0:
        wanted = through(first) + days
    elif days == 0:
        wanted = through(first - 1) + 1
    else:
        wanted = through(first) + days
    last = date.max.toordinal()
    if not 1 <= wanted <= through(last):
        raise OverflowError("the result lies outside years 1 to 9999")
    ordinal = 1 + bisect_left(range(1, last + 1), wanted, key=through)
    return date.fromordinal(ordinal).isoformat()
