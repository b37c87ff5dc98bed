"""Text in terminal columns."""

import itertools
import unicodedata

_ZERO_WIDTH = {"\u200b", "\u200c", "\u200d", "\ufe0f"}
_ELLIPSIS = "\u2026"


def _columns(char: str) -> int:
    if char in _ZERO_WIDTH or unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def _without_controls(text: str) -> str:
    pieces = []
    for control, run in itertools.groupby(text, lambda ch: unicodedata.category(ch) == "Cc"):
        pieces.append("".join(" " if control else ch for ch in run))
    return "".join(pieces)


def _cut(text: str, room: int) -> str:
    """Return the longest prefix that takes at most ``room`` columns."""
    used = 0
    for position, char in enumerate(text):
        used += _columns(char)
        if used > room:
            return text[:position]
    return text


def fit(text: str, width: int, align: str = "left") -> str:
    """Return ``text`` padded or cut to exactly ``width`` terminal columns.

    Raises ValueError for a negative width or an unknown alignment.
    """
    if width < 0:
        raise ValueError("width must not be negative")
    if align not in ("left", "right", "center"):
        raise ValueError(f"unknown alignment: {align!r}")
    if width == 0:
        return ""
    text = _without_controls(text)
    too_wide = sum(map(_columns, text)) > width
    if too_wide:
        text = _cut(text, width - 1) + _ELLIPSIS
    free = width - sum(map(_columns, text))
    if align == "right":
        before = free
    elif align == "center" and not too_wide:
        before = free // 2
    else:
        before = 0
    return " " * before + text + " " * (free - before)
