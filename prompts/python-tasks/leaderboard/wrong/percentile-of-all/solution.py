"""Leaderboard of best results, with shared ranks."""

import itertools

Row = tuple[str, int, int]


class Leaderboard:
    """Players in the order of their best results; earlier results win ties."""

    def __init__(self) -> None:
        self._best: dict[str, tuple[int, int]] = {}  # name: score, turn it was reached
        self._turns = itertools.count()

    def submit(self, name: str, points: int) -> bool:
        """Record a result and tell whether it is the player's best so far."""
        if name in self._best and points <= self._best[name][0]:
            return False
        self._best[name] = (points, next(self._turns))
        return True

    def rank(self, name: str) -> int:
        """Return the player's rank; KeyError when the player is unknown."""
        score = self._best[name][0]
        return 1 + sum(other > score for other, _ in self._best.values())

    def top(self, count: int) -> list[Row]:
        """Return name, score and rank of the first ``count`` players."""
        if count < 0:
            raise ValueError("count must not be negative")
        return self._rows()[:count]

    def around(self, name: str, distance: int) -> list[Row]:
        """Return the player's row with up to ``distance`` rows on either side."""
        if name not in self._best:
            raise KeyError(name)
        if distance < 0:
            raise ValueError("distance must not be negative")
        rows = self._rows()
        place = next(i for i, row in enumerate(rows) if row[0] == name)
        return rows[max(0, place - distance) : place + distance + 1]

    def remove(self, name: str) -> None:
        """Take a player out; KeyError when the player is unknown."""
        del self._best[name]

    def percentile(self, name: str) -> int:
        """Return the percentage of other players with a lower score, rounded down."""
        score = self._best[name][0]
        others = len(self._best)
        if others == 0:
            return 100
        return 100 * sum(other < score for other, _ in self._best.values()) // others

    def _rows(self) -> list[Row]:
        rows: list[Row] = []
        ordered = sorted(self._best.items(), key=lambda item: (-item[1][0], item[1][1]))
        for place, (name, (score, _)) in enumerate(ordered, start=1):
            rank = rows[-1][2] if rows and rows[-1][1] == score else place
            rows.append((name, score, rank))
        return rows
