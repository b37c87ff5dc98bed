"""In-memory event store with optimistic locking."""

import copy
from typing import Any, Optional

Event = dict[str, Any]


class ConcurrencyError(RuntimeError):
    """A stream is not at the version that the writer expected."""

    def __init__(self, stream: str, expected: int, actual: int) -> None:
        super().__init__(f"stream {stream!r} is at version {actual}, expected {expected}")
        self.stream = stream
        self.expected = expected
        self.actual = actual


def _check_event(event: Event) -> None:
    kind = event.get("type") if isinstance(event, dict) else None
    if not isinstance(kind, str) or not kind:
        raise ValueError("an event is a dict with a non-empty string 'type'")


class EventStore:
    """Streams of events that are only ever appended to."""

    def __init__(self) -> None:
        self._log: list[Event] = []
        self._streams: dict[str, list[int]] = {}  # indexes into the log

    def append(self, stream: str, events: list[Event], expected: Optional[int] = None) -> int:
        """Append all events or none, and return the stream's new version.

        Raises ConcurrencyError when the stream is not at ``expected``, ValueError
        for an event without a type.
        """
        actual = self.version(stream)
        if expected is not None and expected != actual:
            raise ConcurrencyError(stream, expected, actual)
        for event in events:
            _check_event(event)
            indexes = self._streams.setdefault(stream, [])
            indexes.append(len(self._log))
            numbers = {
                "stream": stream,
                "version": len(indexes),
                "position": len(self._log) + 1,
            }
            self._log.append({**copy.deepcopy(event), **numbers})
        return self.version(stream)

    def read(self, stream: str, after: int = 0, limit: Optional[int] = None) -> list[Event]:
        """Return copies of the stream's events behind version ``after``."""
        if after < 0 or (limit is not None and limit < 0):
            raise ValueError("after and limit must not be negative")
        indexes = self._streams.get(stream, [])[after:]
        return [copy.deepcopy(self._log[index]) for index in indexes[:limit]]

    def read_all(self, after: int = 0, types: Optional[list[str]] = None) -> list[Event]:
        """Return copies of all events behind position ``after``, of some types or any."""
        if after < 0:
            raise ValueError("after must not be negative")
        return [
            copy.deepcopy(event)
            for event in self._log[after:]
            if types is None or event["type"] in types
        ]

    def version(self, stream: str) -> int:
        """Return the number of events in the stream."""
        return len(self._streams.get(stream, []))
