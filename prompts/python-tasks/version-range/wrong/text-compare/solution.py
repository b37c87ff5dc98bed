"""Semantic versions and ranges of them."""

import operator
import re
from typing import Optional

_NUMBER = r"(?:0|[1-9][0-9]*)"
_IDENTIFIER = rf"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_VERSION = re.compile(
    rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})(?:-({_IDENTIFIER}(?:\.{_IDENTIFIER})*))?"
)
_COMPARATOR = re.compile(r"(=|!=|<=?|>=?|\^|~)?(.+)")
_COMPARE = {
    None: operator.eq,
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

Key = tuple[tuple[int, int, int], bool, tuple]


def _key(version: str) -> Key:
    """Return a key that sorts as semantic versioning demands."""
    match = _VERSION.fullmatch(version)
    if match is None:
        raise ValueError(f"not a version: {version!r}")
    numbers = (int(match[1]), int(match[2]), int(match[3]))
    identifiers = match[4].split(".") if match[4] else []
    ranked = tuple(
        (1, 0, text) for text in identifiers
    )
    return numbers, not identifiers, ranked


def _upper(numbers: tuple[int, int, int], sign: str) -> tuple[int, int, int]:
    """Return the first numbers that ``^`` or ``~`` refuses."""
    major, minor, patch = numbers
    if sign == "~":
        return major, minor + 1, 0
    if major:
        return major + 1, 0, 0
    return (0, minor + 1, 0) if minor else (0, 0, patch + 1)


def _holds(version: Key, sign: Optional[str], bound: Key) -> bool:
    if sign in ("^", "~"):
        # Compared by the numbers alone, pre-releases of the upper bound are refused.
        return version >= bound and version[0] < _upper(bound[0], sign)
    return bool(_COMPARE[sign](version, bound))


def _comparators(wanted: str) -> list[tuple[Optional[str], Key]]:
    comparators = []
    for text in wanted.split():
        match = _COMPARATOR.fullmatch(text)
        if match is None:
            raise ValueError(f"not a comparator: {text!r}")
        comparators.append((match[1], _key(match[2])))
    if not comparators:
        raise ValueError("empty range")
    return comparators


def satisfies(version: str, wanted: str) -> bool:
    """Tell whether the version satisfies all comparators of the range.

    Raises ValueError for a malformed version or range.
    """
    key = _key(version)
    return all([_holds(key, sign, bound) for sign, bound in _comparators(wanted)])


def best(versions: list[str], wanted: str) -> Optional[str]:
    """Return the highest version in the range, or None; the first of equal ones.

    Raises ValueError for a malformed version or range.
    """
    _comparators(wanted)
    fitting = [version for version in versions if satisfies(version, wanted)]
    return max(fitting, key=_key) if fitting else None
