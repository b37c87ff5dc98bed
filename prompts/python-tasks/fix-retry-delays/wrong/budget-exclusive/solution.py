"""Waits between the retries of a client."""

from collections.abc import Callable, Iterator, Sequence
from itertools import count, islice, repeat


def _linear() -> Iterator[int]:
    return count(1)


def _exponential() -> Iterator[int]:
    factor = 1
    while True:
        yield factor
        factor *= 2


def _fibonacci() -> Iterator[int]:
    current, following = 1, 1
    while True:
        yield current
        current, following = following, current + following


_FACTORS: dict[str, Callable[[], Iterator[int]]] = {
    "fixed": lambda: repeat(1),
    "linear": _linear,
    "exponential": _exponential,
    "fibonacci": _fibonacci,
}


def _factors(strategy: str, base_ms: int, max_ms: int) -> Iterator[int]:
    if strategy not in _FACTORS:
        raise ValueError(f"unknown strategy: {strategy!r}")
    if base_ms < 1 or max_ms < 1:
        raise ValueError("base_ms and max_ms must be at least 1")
    return _FACTORS[strategy]()


def delays(
    strategy: str,
    base_ms: int,
    attempts: int,
    max_ms: int = 60_000,
    jitter: Sequence[int] = (),
) -> list[int]:
    """Return the waits before each retry, with jitter, limited to 0..max_ms.

    Raises ValueError for an unknown strategy or numbers out of range.
    """
    if attempts < 0:
        raise ValueError("attempts must not be negative")
    waits = []
    for turn, factor in enumerate(islice(_factors(strategy, base_ms, max_ms), attempts)):
        offset = jitter[turn % len(jitter)] if jitter else 0
        waits.append(min(max(base_ms * factor + offset, 0), max_ms))
    return waits


def fits(strategy: str, base_ms: int, budget_ms: int, max_ms: int = 60_000) -> int:
    """Return how many retries have waits that sum up to at most ``budget_ms``.

    Raises ValueError for an unknown strategy or numbers out of range.
    """
    if budget_ms < 0:
        raise ValueError("budget_ms must not be negative")
    left, retries, before = budget_ms, 0, 0
    for factor in _factors(strategy, base_ms, max_ms):
        wait = min(base_ms * factor, max_ms)
        if wait == max_ms or (strategy == "fixed" and wait == before):
            break  # all further waits are the same
        if wait >= left:
            return retries
        left, retries, before = left - wait, retries + 1, wait
    return retries + left // wait
