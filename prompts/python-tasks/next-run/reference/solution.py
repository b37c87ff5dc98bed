"""Cron expressions."""

import re
from datetime import datetime, timedelta

_ITEM = re.compile(r"(?:(\*)|([0-9]+)(?:-([0-9]+))?)(?:/([0-9]+))?")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}")
_LIMITS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_YEARS = 8


def _item(text: str, low: int, high: int) -> range:
    match = _ITEM.fullmatch(text)
    if match is None:
        raise ValueError(f"not a cron item: {text!r}")
    star, start, end, step = match.groups()
    if step is not None and (int(step) < 1 or not (star or end)):
        raise ValueError(f"a step needs a range and at least 1: {text!r}")
    first = low if star else int(start)
    last = high if star else int(end or start)
    if not low <= first <= last <= high:
        raise ValueError(f"out of range {low}-{high}: {text!r}")
    return range(first, last + 1, int(step or 1))


def _field(text: str, low: int, high: int) -> set[int]:
    return {value for item in text.split(",") for value in _item(item, low, high)}


def next_run(expression: str, after: str) -> str:
    """Return the first matching minute after ``after``.

    Goes day by day, and into hours and minutes only on days that match. Raises
    ValueError for malformed input, LookupError if eight years hold no match.
    """
    texts = expression.split()
    if len(texts) != len(_LIMITS):
        raise ValueError(f"expected five fields: {expression!r}")
    minutes, hours, days, months, weekdays = (
        _field(text, *limits) for text, limits in zip(texts, _LIMITS)
    )
    weekdays = {day % 7 for day in weekdays}
    either_day = texts[2] != "*" and texts[4] != "*"
    if not _TIME.fullmatch(after):
        raise ValueError(f"not a time: {after!r}")
    begin = datetime.fromisoformat(after) + timedelta(minutes=1)

    day = begin.replace(hour=0, minute=0)
    while day.year <= begin.year + _YEARS:
        matches = (day.day in days, day.isoweekday() % 7 in weekdays)
        if day.month in months and (any(matches) if either_day else all(matches)):
            for hour in sorted(hours):
                for minute in sorted(minutes):
                    moment = day.replace(hour=hour, minute=minute)
                    if moment >= begin:
                        return moment.isoformat(timespec="minutes")
        day += timedelta(days=1)
    raise LookupError(f"{expression!r} does not match within {_YEARS} years")
