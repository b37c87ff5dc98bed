"""Ring buffer of sensor samples."""

from collections import deque
from itertools import takewhile
from typing import Optional


class SampleRing:
    """The last ``capacity`` samples, oldest first."""

    def __init__(self, capacity: int) -> None:
        self._samples: deque[int] = deque(maxlen=self._checked(capacity))
        self._total_added = 0

    @staticmethod
    def _checked(capacity: int) -> int:
        if capacity < 1:
            raise ValueError("capacity must be at least 1")
        return capacity

    @property
    def count(self) -> int:
        """Samples now held."""
        return len(self._samples)

    @property
    def total_added(self) -> int:
        """Samples ever added."""
        return self._total_added

    def add(self, sample: int) -> Optional[int]:
        """Add a sample and return the one that had to go, if any."""
        full = len(self._samples) == self._samples.maxlen
        dropped = self._samples[0] if full else None
        self._samples.append(sample)
        self._total_added += 1
        return dropped

    def extend(self, samples: list[int]) -> None:
        """Add several samples in order."""
        self._samples.extend(samples)

    def values(self) -> list[int]:
        """Return the samples, oldest first."""
        return list(self._samples)

    def at(self, age: int) -> int:
        """Return the sample of an age, 0 for the newest; raise IndexError if none."""
        if not 0 <= age < len(self._samples):
            raise IndexError(f"no sample of age {age}")
        return self._samples[-1 - age]

    def mean(self) -> Optional[float]:
        """Return the mean, None when empty."""
        return sum(self._samples) / len(self._samples) if self._samples else None

    def minimum(self) -> Optional[int]:
        """Return the smallest sample, None when empty."""
        return min(self._samples, default=None)

    def maximum(self) -> Optional[int]:
        """Return the largest sample, None when empty."""
        return max(self._samples, default=None)

    def above(self, limit: int) -> int:
        """Return how many of the newest samples in a row are above the limit."""
        return sum(1 for _ in takewhile(lambda sample: sample > limit, reversed(self._samples)))

    def resize(self, capacity: int) -> None:
        """Change the capacity and keep the newest samples; ValueError below 1."""
        self._samples = deque(self._samples, maxlen=self._checked(capacity))
