"""Priority queue whose priorities can change."""

import heapq
import itertools


class UpdateQueue:
    """Keys in order of priority, lowest first; equal ones in the order they got it.

    A change leaves a stale entry in the heap; the heap is rebuilt when more than half
    of it is stale, which costs O(1) amortised a change.
    """

    _SLACK = 16

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, str]] = []
        self._live: dict[str, tuple[int, int, str]] = {}
        self._turns = itertools.count()

    def __len__(self) -> int:
        return len(self._live)

    def __contains__(self, key: object) -> bool:
        return key in self._live

    def push(self, key: str, priority: int) -> None:
        """Add a key; raise KeyError when it is there already."""
        if key in self._live:
            raise KeyError(f"{key!r} is already in the queue")
        self._enter(key, priority)

    def update(self, key: str, priority: int) -> None:
        """Change a key's priority; raise KeyError when it is not there."""
        if self._live[key][0] != priority:
            self._enter(key, priority)

    def upsert(self, key: str, priority: int) -> bool:
        """Add the key or change its priority; return True when it is new."""
        new = key not in self._live
        if new:
            self.push(key, priority)
        else:
            self.update(key, priority)
        return new

    def pop(self) -> tuple[str, int]:
        """Remove and return the first key and its priority; raise IndexError if empty."""
        first = self.peek()
        heapq.heappop(self._heap)
        del self._live[first[0]]
        return first

    def peek(self) -> tuple[str, int]:
        """Return the first key and its priority; raise IndexError if empty."""
        if not self._live:
            raise IndexError("the queue is empty")
        while self._live.get(self._heap[0][2]) is not self._heap[0]:
            heapq.heappop(self._heap)
        priority, _, key = self._heap[0]
        return key, priority

    def remove(self, key: str) -> int:
        """Take a key out and return its priority; raise KeyError when it is not there."""
        priority = self._live.pop(key)[0]
        self._tidy()
        return priority

    def priority(self, key: str) -> int:
        """Return a key's priority; raise KeyError when it is not there."""
        return self._live[key][0]

    def drain(self, up_to: int) -> list[str]:
        """Pop every key with a priority of at most ``up_to``, in order."""
        keys = []
        while self._live and self.peek()[1] <= up_to:
            keys.append(self.pop()[0])
        return keys

    def _enter(self, key: str, priority: int) -> None:
        turn = self._live[key][1] if key in self._live else next(self._turns)
        entry = (priority, turn, key)
        self._live[key] = entry
        heapq.heappush(self._heap, entry)
        self._tidy()

    def _tidy(self) -> None:
        if len(self._heap) > 2 * len(self._live) + self._SLACK:
            self._heap = list(self._live.values())
            heapq.heapify(self._heap)
