"""Routes from methods and paths to handlers."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple, Optional

Message = dict[str, Any]
Handler = Callable[[Message], Message]

_PARAMETER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(?::(int|rest))?\}")
_RANKS = {"text": 0, "int": 1, "plain": 2, "rest": 3}


class NotFound(Exception):
    """No route has this path."""


class MethodNotAllowed(Exception):
    """Routes have this path, but not with this method."""

    def __init__(self, allowed: list[str]) -> None:
        super().__init__(f"allowed: {', '.join(allowed)}")
        self.allowed = allowed


class _Segment(NamedTuple):
    kind: str
    text: str  # or the name of the parameter


class _Route(NamedTuple):
    method: str
    segments: tuple[_Segment, ...]
    handler: Handler

    @property
    def rank(self) -> list[int]:
        """Sorts more specific routes first."""
        return [_RANKS[segment.kind] for segment in self.segments]


def _segment(text: str) -> _Segment:
    match = _PARAMETER.fullmatch(text)
    if match:
        return _Segment(match[2] or "plain", match[1])
    if "{" in text or "}" in text:
        raise ValueError(f"malformed segment: {text!r}")
    return _Segment("text", text)


def _parse(pattern: str) -> tuple[_Segment, ...]:
    if not pattern.startswith("/"):
        raise ValueError(f"a pattern begins with '/': {pattern!r}")
    segments = tuple(map(_segment, pattern[1:].split("/")))
    names = [segment.text for segment in segments if segment.kind != "text"]
    if len(set(names)) < len(names):
        raise ValueError(f"a parameter is repeated: {pattern!r}")
    if any(segment.kind == "rest" for segment in segments[:-1]):
        raise ValueError(f"a rest parameter must be last: {pattern!r}")
    return segments


def _params(segments: tuple[_Segment, ...], parts: list[str]) -> Optional[dict[str, Any]]:
    """Return the parameters if the parts of a path match, else None."""
    params: dict[str, Any] = {}
    if segments[-1].kind == "rest" and len(parts) >= len(segments):
        parts = [*parts[: len(segments) - 1], "/".join(parts[len(segments) - 1 :])]
    if len(parts) != len(segments):
        return None
    for (kind, text), part in zip(segments, parts):
        if kind == "text":
            if part != text:
                return None
        elif not part or (kind == "int" and not (part.isascii() and part.isdigit())):
            return None
        else:
            params[text] = int(part) if kind == "int" else part
    return params


class Router:
    """Finds the most specific handler for a method and a path."""

    def __init__(self) -> None:
        self._routes: list[_Route] = []

    def add(self, method: str, pattern: str, handler: Handler) -> None:
        """Add a route; ValueError for a malformed pattern or one that is there."""
        segments = _parse(pattern)
        if any((route.method, route.segments) == (method, segments) for route in self._routes):
            raise ValueError(f"{method} {pattern} has a handler already")
        self._routes.append(_Route(method, segments, handler))
        self._routes.sort(key=lambda route: route.rank)

    def match(self, method: str, path: str) -> tuple[Handler, dict[str, Any]]:
        """Return handler and parameters; raise NotFound or MethodNotAllowed."""
        parts = path.removeprefix("/").split("/") if path.startswith("/") else []
        allowed = set()
        for route in self._routes:
            params = _params(route.segments, parts)
            if params is None:
                continue
            if route.method == method:
                return route.handler, params
            allowed.add(route.method)
        if allowed:
            raise MethodNotAllowed(sorted(allowed))
        raise NotFound(path)
