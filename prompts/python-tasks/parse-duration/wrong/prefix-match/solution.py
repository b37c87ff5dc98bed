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
    match = _DURATION.match(text)
    if match is None or not any(match.groups()):
        raise ValueError(f"not a duration: {text!r}")
    return sum(
        int(number) * seconds
        for number, seconds in zip(match.groups(), _SECONDS.values())
        if number is not None
    )
