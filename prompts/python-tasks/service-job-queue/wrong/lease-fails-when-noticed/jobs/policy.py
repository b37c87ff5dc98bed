"""When a failed job is tried again."""

from typing import Optional


class RetryPolicy:
    """Exponential waits with a ceiling and a limited number of attempts."""

    def __init__(
        self, max_attempts: int = 3, base: int = 10, factor: int = 2, ceiling: int = 300
    ) -> None:
        if min(max_attempts, base, factor, ceiling) < 1:
            raise ValueError("all settings must be at least 1")
        self._max_attempts = max_attempts
        self._base = base
        self._factor = factor
        self._ceiling = ceiling

    def delay(self, attempt: int) -> Optional[int]:
        """Return the seconds to wait after a failed attempt, None if it was the last."""
        if attempt < 1:
            raise ValueError("attempts count from 1")
        if attempt >= self._max_attempts:
            return None
        return min(self._base * int(self._factor ** (attempt - 1)), self._ceiling)
