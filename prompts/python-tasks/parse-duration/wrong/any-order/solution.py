"""Durations of a job configuration."""

import re

_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION = re.compile(
    r"\s*(?:([0-9]+)d)?\s*(?:([0-9]+)h)?\s*(?:([0-9]+)m)?\s*(?:([0-9]+)s)?\s*",
    re.IGNORECASE | re.ASCII,
)


def parse_duration(text: str) -> int:
    """Return the seconds of a duration such as ``"1h30m"``.

    Raises ValueError when the text is not a duration.
    """
    if not re.fullmatch(r"\s*(?:[0-9]+[dhms]\s*)+", text, re.IGNORECASE):
        raise ValueError(f"not a duration: {text!r}")
    parts = re.findall(r"([0-9]+)([dhms])", text.lower())
    return sum(int(number) * _SECONDS[unit] for number, unit in parts)
