"""Rate limiting with token buckets."""


class RateLimiter:
    """One bucket of tokens a client; the clock, in milliseconds, is passed in.

    Levels are kept in parts: a token has ``per_ms`` parts and each millisecond adds
    ``refill`` parts, so that all arithmetic is exact.
    """

    def __init__(self, capacity: int, refill: int, per_ms: int) -> None:
        if min(capacity, refill, per_ms) < 1:
            raise ValueError("capacity, refill and per_ms must be at least 1")
        self._capacity = capacity
        self._refill = refill
        self._per_ms = per_ms
        self._buckets: dict[str, tuple[int, int]] = {}  # client: parts, time

    def allow(self, client: str, now: int, cost: int = 1) -> bool:
        """Take ``cost`` tokens if they are there and tell whether they were.

        Raises ValueError for a cost that the bucket can never hold.
        """
        self._check(cost)
        parts, time = self._level(client, now)
        wanted = cost * self._per_ms
        allowed = parts >= wanted
        self._buckets[client] = (parts - wanted if allowed else parts, time)
        return allowed

    def wait_ms(self, client: str, now: int, cost: int = 1) -> int:
        """Return the milliseconds until ``allow`` would say yes; change nothing."""
        self._check(cost)
        parts, _ = self._level(client, now)
        missing = max(0, cost * self._per_ms - parts)
        return missing // self._refill

    def tokens(self, client: str, now: int) -> int:
        """Return the whole tokens in the client's bucket."""
        return self._level(client, now)[0] // self._per_ms

    def _check(self, cost: int) -> None:
        if not 1 <= cost <= self._capacity:
            raise ValueError(f"cost must be 1 to {self._capacity}")

    def _level(self, client: str, now: int) -> tuple[int, int]:
        full = self._capacity * self._per_ms
        parts, time = self._buckets.get(client, (full, now))
        now = max(now, time)
        return min(full, parts + (now - time) * self._refill), now
