"""Month arithmetic for billing."""

from calendar import monthrange
from datetime import date


def _add(day: date, months: int) -> date:
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    last = monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def _whole_months(first: date, second: date) -> int:
    """Return the whole months from first to second, which is not before it."""
    months = (second.year - first.year) * 12 + second.month - first.month
    return months if _add(first, months) <= second else months - 1


def add_months(day: str, months: int) -> str:
    """Return the date some months later or earlier, at most the month's last day."""
    return _add(date.fromisoformat(day), months).isoformat()


def billing_dates(start: str, count: int) -> list[str]:
    """Return ``count`` monthly dates, all counted from ``start``."""
    if count < 0:
        raise ValueError("count must not be negative")
    return [add_months(start, months) for months in range(count)]


def months_between(first: str, second: str) -> int:
    """Return the whole months between two dates, negative when second is earlier."""
    begin, end = date.fromisoformat(first), date.fromisoformat(second)
    return _whole_months(begin, end) if begin <= end else -_whole_months(end, begin)


def days_left(start: str, today: str) -> int:
    """Return the days until the next billing date after ``today``."""
    begin, now = date.fromisoformat(start), date.fromisoformat(today)
    if now < begin:
        return (begin - now).days
    return (_add(begin, _whole_months(begin, now) + 1) - now).days
