"""Differences of JSON-like documents."""

import copy
import math
from typing import Any


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _unescape(token: str) -> str:
    return token.replace("~1", "/").replace("~0", "~")


def _same_scalar(left: Any, right: Any) -> bool:
    if type(left) is not type(right):
        return False
    if isinstance(left, float) and math.isnan(left) and math.isnan(right):
        return True
    return bool(left == right)


def changes(before: Any, after: Any) -> list[list]:
    """Return the changes that turn ``before`` into ``after``, types compared strictly."""
    found: list[list] = []
    _compare(before, after, "", found)
    return copy.deepcopy(found)


def _compare(before: Any, after: Any, at: str, found: list[list]) -> None:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            pointer = f"{at}/{_escape(key)}"
            if key not in before:
                found.append(["add", pointer, after[key]])
            elif key not in after:
                found.append(["remove", pointer, before[key]])
            else:
                _compare(before[key], after[key], pointer, found)
    elif isinstance(before, list) and isinstance(after, list):
        common = min(len(before), len(after))
        for i in range(common):
            _compare(before[i], after[i], f"{at}/{i}", found)
        for i in range(common, len(after)):
            found.append(["add", f"{at}/{i}", after[i]])
        for i in reversed(range(common, len(before))):
            found.append(["remove", f"{at}/{i}", before[i]])
    elif not _same_scalar(before, after):
        found.append(["replace", at, before, after])


def _step(container: Any, token: str) -> Any:
    """Return the key or index that the token names in the container."""
    if isinstance(container, dict):
        return _unescape(token)
    if isinstance(container, list) and token.isascii() and token.isdigit():
        return int(token)
    raise ValueError(f"path is missing: {token!r}")


def _exists(container: Any, key: Any) -> bool:
    return bool(key in container if isinstance(container, dict) else key < len(container))


def _apply_one(holder: dict[str, Any], change: list) -> None:
    kind, pointer, *values = change
    container: Any = holder
    tokens = ["", *pointer.split("/")[1:]]
    for token in tokens[:-1]:
        key = _step(container, token)
        if not _exists(container, key):
            raise ValueError(f"path is missing: {pointer!r}")
        container = container[key]
    key = _step(container, tokens[-1])
    if kind == "add":
        fits = key == len(container) if isinstance(container, list) else key not in container
        if not fits:
            raise ValueError(f"cannot add: {pointer!r}")
        if isinstance(container, list):
            container.append(values[0])
        else:
            container[key] = values[0]
        return
    if not _exists(container, key) or changes(container[key], values[0]):
        raise ValueError(f"old value not found: {pointer!r}")
    if kind == "remove":
        del container[key]
    else:
        container[key] = values[1]


def apply(document: Any, log: list[list]) -> Any:
    """Return a copy of the document with the changes applied in order.

    Raises ValueError when a change does not fit the document.
    """
    holder = {"": copy.deepcopy(document)}
    for change in copy.deepcopy(log):
        _apply_one(holder, change)
    return holder[""]
