"""Job queue in memory, with leases and retries; the clock is passed in."""

import itertools
from dataclasses import dataclass, field
from typing import Any, Optional

from jobs.policy import RetryPolicy


@dataclass
class _Job:
    id: int
    payload: Any
    priority: int
    ready_at: int
    state: str = "queued"  # then "running", and "done" or "dead"
    lease_end: int = 0
    attempts: int = 0
    errors: list[str] = field(default_factory=list)


class JobQueue:
    """Hands out jobs by priority; failed ones come back as the policy says."""

    def __init__(self, policy: RetryPolicy, lease: int = 60) -> None:
        self._policy = policy
        self._lease = lease
        self._jobs: dict[int, _Job] = {}
        self._dead: list[_Job] = []
        self._ids = itertools.count(1)

    def enqueue(self, payload: Any, now: int, priority: int = 0, delay: int = 0) -> int:
        """Add a job that is ready after ``delay`` seconds, and return its id."""
        self._expire(now)
        job = _Job(next(self._ids), payload, priority, now + delay)
        self._jobs[job.id] = job
        return job.id

    def claim(self, now: int) -> Optional[dict[str, Any]]:
        """Start the next ready job and return it, or None when there is none."""
        self._expire(now)
        ready = [job for job in self._jobs.values() if self._is_ready(job, now)]
        if not ready:
            return None
        job = min(ready, key=lambda job: (-job.priority, job.ready_at, job.id))
        job.state = "running"
        job.lease_end = now + self._lease
        job.attempts += 1
        return {"id": job.id, "payload": job.payload, "attempt": job.attempts}

    def complete(self, id: int, now: int) -> None:
        """Note that a running job succeeded; LookupError if it does not run."""
        self._expire(now)
        self._running(id).state = "done"

    def fail(self, id: int, now: int, error: str) -> None:
        """Note that a running job failed; LookupError if it does not run."""
        self._expire(now)
        self._fail(self._running(id), now, error)

    def stats(self, now: int) -> dict[str, int]:
        """Return how many jobs are in which state."""
        self._expire(now)
        counts = {"waiting": 0, "ready": 0, "running": 0, "done": 0, "dead": 0}
        for job in self._jobs.values():
            if job.state == "queued":
                counts["ready" if self._is_ready(job, now) else "waiting"] += 1
            else:
                counts[job.state] += 1
        return counts

    def dead_letters(self, now: int) -> list[dict[str, Any]]:
        """Return the jobs given up, in the order they died."""
        self._expire(now)
        return [
            {"id": job.id, "payload": job.payload, "errors": list(job.errors)}
            for job in self._dead
        ]

    def requeue(self, id: int, now: int) -> None:
        """Let a dead job start anew; LookupError if it is not dead."""
        self._expire(now)
        job = self._jobs.get(id)
        if job is None or job.state != "dead":
            raise LookupError(f"job {id} is not dead")
        self._dead.remove(job)
        self._jobs[id] = _Job(id, job.payload, job.priority, now)

    @staticmethod
    def _is_ready(job: _Job, now: int) -> bool:
        return job.state == "queued" and job.ready_at <= now

    def _running(self, id: int) -> _Job:
        job = self._jobs.get(id)
        if job is None or job.state != "running":
            raise LookupError(f"job {id} is not running")
        return job

    def _expire(self, now: int) -> None:
        running = [job for job in self._jobs.values() if job.state == "running"]
        for job in sorted(running, key=lambda job: (job.lease_end, job.id)):
            if now >= job.lease_end:
                self._fail(job, job.lease_end, "lease expired")

    def _fail(self, job: _Job, at: int, error: str) -> None:
        job.errors.append(error)
        delay = self._policy.delay(job.attempts)
        if delay is None:
            job.state = "dead"
            self._dead.append(job)
        else:
            job.state = "queued"
            job.ready_at = at + delay
