"""Cache with a time to live and eviction of the least recently used entry."""

from collections.abc import Hashable
from typing import Any, NamedTuple, Optional


class _Entry(NamedTuple):
    value: Any
    expires: int


class TtlCache:
    """Keeps up to ``capacity`` values, each for a limited time; the clock is passed in."""

    def __init__(self, capacity: int, ttl: int) -> None:
        if capacity < 1 or ttl < 1:
            raise ValueError("capacity and ttl must be at least 1")
        self._capacity = capacity
        self._ttl = ttl
        # In order of use: the dict's first key is the least recently used.
        self._entries: dict[Hashable, _Entry] = {}
        self._hits = self._misses = self._evictions = 0

    def put(self, key: Hashable, value: Any, now: int, ttl: Optional[int] = None) -> None:
        """Store a value until ``now + ttl``; raise ValueError for a ttl below 1."""
        lifetime = self._ttl if ttl is None else ttl
        if lifetime < 1:
            raise ValueError("ttl must be at least 1")
        known = key in self._entries
        if not known and len(self._entries) >= self._capacity:
            self._make_room(now)
        self._entries[key] = _Entry(value, now + lifetime)

    def get(self, key: Hashable, now: int, default: Any = None) -> Any:
        """Return the value and mark it as used, or the default when it is not there."""
        entry = self._entries.pop(key, None)
        if entry is None or now >= entry.expires:
            self._misses += 1
            return default
        self._entries[key] = entry
        self._hits += 1
        return entry.value

    def keys(self, now: int) -> list[Hashable]:
        """Return the keys that have not expired, least recently used first."""
        return [key for key, entry in self._entries.items() if now < entry.expires]

    def size(self, now: int) -> int:
        """Return the number of entries that have not expired."""
        return len(self.keys(now))

    def stats(self) -> dict[str, int]:
        """Return the counts of hits, misses and evictions of live entries."""
        return {"hits": self._hits, "misses": self._misses, "evictions": self._evictions}

    def _make_room(self, now: int) -> None:
        self._entries = {k: entry for k, entry in self._entries.items() if now < entry.expires}
        if len(self._entries) >= self._capacity:
            del self._entries[next(iter(self._entries))]
            self._evictions += 1
