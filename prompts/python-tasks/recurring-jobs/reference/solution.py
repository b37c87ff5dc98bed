"""Scheduler of recurring and single jobs; the clock is passed in."""

import itertools
from dataclasses import dataclass
from typing import Optional


@dataclass
class _Job:
    name: str
    order: int
    due: int
    interval: Optional[int]  # None: runs once
    paused: bool = False

    def skip_to_after(self, now: int) -> None:
        """Move to the first time on the grid after ``now``."""
        if self.interval is not None and self.due <= now:
            self.due += ((now - self.due) // self.interval + 1) * self.interval


class Scheduler:
    """Says which jobs are due; running them is the caller's work."""

    def __init__(self) -> None:
        self._jobs: dict[str, _Job] = {}
        self._orders = itertools.count()

    def every(self, name: str, interval: int, now: int) -> None:
        """Schedule a job each ``interval`` seconds; ValueError for less than 1."""
        if interval < 1:
            raise ValueError("interval must be at least 1")
        self._add(name, now + interval, interval)

    def once(self, name: str, at: int) -> None:
        """Schedule a job for one time."""
        self._add(name, at, None)

    def run_due(self, now: int) -> list[str]:
        """Return the jobs that are due, in order, and move them to their next time."""
        due = [job for job in self._jobs.values() if not job.paused and job.due <= now]
        due.sort(key=lambda job: (job.due, job.order))
        for job in due:
            if job.interval is None:
                del self._jobs[job.name]
            else:
                job.skip_to_after(now)
        return [job.name for job in due]

    def pause(self, name: str) -> None:
        """Keep a job from running; KeyError when it is unknown."""
        self._jobs[name].paused = True

    def resume(self, name: str, now: int) -> None:
        """Let a paused job run again, without the times that a recurring one missed."""
        job = self._jobs[name]
        if job.paused:
            job.paused = False
            job.skip_to_after(now)

    def cancel(self, name: str) -> None:
        """Remove a job; KeyError when it is unknown."""
        del self._jobs[name]

    def next_due(self) -> Optional[int]:
        """Return the earliest time at which a job is due, None without any."""
        return min((job.due for job in self._jobs.values() if not job.paused), default=None)

    def _add(self, name: str, due: int, interval: Optional[int]) -> None:
        if name in self._jobs:
            raise KeyError(f"{name!r} is already scheduled")
        self._jobs[name] = _Job(name, next(self._orders), due, interval)
