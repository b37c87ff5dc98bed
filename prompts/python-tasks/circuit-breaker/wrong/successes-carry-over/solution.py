"""Circuit breaker; the clock is passed in."""

from collections import deque
from typing import Optional


class CircuitBreaker:
    """Stops calls to a service that fails, and probes whether it works again."""

    def __init__(
        self,
        failures: int,
        window_ms: int,
        cooldown_ms: int,
        max_cooldown_ms: int,
        probes: int = 1,
    ) -> None:
        if min(failures, window_ms, cooldown_ms, probes) < 1:
            raise ValueError("all settings must be at least 1")
        if max_cooldown_ms < cooldown_ms:
            raise ValueError("max_cooldown_ms must not be less than cooldown_ms")
        self._limit = failures
        self._window_ms = window_ms
        self._first_cooldown_ms = self._cooldown_ms = cooldown_ms
        self._max_cooldown_ms = max_cooldown_ms
        self._probes = probes
        self._state = "closed"
        self._failed: deque[int] = deque()
        self._opened = 0
        self._permitted = self._succeeded = 0
        self._history: list[tuple[int, str]] = []

    def state(self, now: int) -> str:
        """Return "closed", "open" or "half_open"."""
        if self._state == "open" and now >= self._opened + self._cooldown_ms:
            self._permitted = 0
            self._change("half_open", self._opened + self._cooldown_ms)
        return self._state

    def allow(self, now: int) -> bool:
        """Tell whether one call may be made."""
        state = self.state(now)
        if state != "half_open":
            return state == "closed"
        if self._permitted >= self._probes:
            return False
        self._permitted += 1
        return True

    def record(self, ok: bool, now: int) -> None:
        """Take the result of a call into account."""
        state = self.state(now)
        if state == "closed" and not ok:
            self._failed.append(now)
            while now - self._failed[0] >= self._window_ms:
                self._failed.popleft()
            if len(self._failed) >= self._limit:
                self._open(now)
        elif state == "half_open" and not ok:
            self._cooldown_ms = min(2 * self._cooldown_ms, self._max_cooldown_ms)
            self._open(now)
        elif state == "half_open":
            self._succeeded += 1
            if self._succeeded >= self._probes:
                self._cooldown_ms = self._first_cooldown_ms
                self._change("closed", now)

    def retry_at(self, now: int) -> Optional[int]:
        """Return when the cooldown ends, None unless open."""
        return self._opened + self._cooldown_ms if self.state(now) == "open" else None

    def history(self) -> list[list]:
        """Return the changes of state as ``[time, state]``."""
        return [[time, state] for time, state in self._history]

    def _open(self, now: int) -> None:
        self._failed.clear()
        self._opened = now
        self._change("open", now)

    def _change(self, state: str, time: int) -> None:
        self._state = state
        self._history.append((time, state))
