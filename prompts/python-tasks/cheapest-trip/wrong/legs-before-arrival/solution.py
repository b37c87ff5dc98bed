"""Cheapest trips over timed legs."""

from typing import Any, Optional

_CHANGE_MINUTES = 30

# Price so far, number of legs, indexes: the smaller tuple is the better way to take a leg.
# The arrival is that of the last leg, so it is equal for all ways that end with it.
_Way = tuple[int, int, list[int]]


def _check(legs: list[dict[str, Any]], max_legs: int) -> None:
    if max_legs < 1:
        raise ValueError("max_legs must be at least 1")
    for number, leg in enumerate(legs):
        if leg["arrive"] <= leg["depart"]:
            raise ValueError(f"leg {number} does not arrive after it departs")
        if leg["price"] < 0:
            raise ValueError(f"leg {number} has a negative price")


def _best_before(
    leg: dict[str, Any],
    legs: list[dict[str, Any]],
    ways: dict[int, _Way],
    arrivals: dict[str, list[int]],
) -> Optional[_Way]:
    """Return the best way to be at the leg's origin in time."""
    latest = leg["depart"] - _CHANGE_MINUTES
    candidates = (
        ways[number]
        for number in arrivals.get(leg["from"], [])
        if number in ways and legs[number]["arrive"] <= latest
    )
    return min(candidates, default=None)


def cheapest_trip(
    legs: list[dict[str, Any]], start: str, goal: str, max_legs: int
) -> Optional[dict[str, Any]]:
    """Return price, arrival and legs of the best trip, or None.

    In round n, ``ways`` holds for each leg the best trip of exactly n legs that ends
    with it. Raises ValueError for legs or a limit that make no sense.
    """
    _check(legs, max_legs)
    if start == goal:
        return {"price": 0, "arrive": None, "legs": []}
    arrivals: dict[str, list[int]] = {}
    for number, leg in enumerate(legs):
        arrivals.setdefault(leg["to"], []).append(number)

    ways: dict[int, _Way] = {
        number: (leg["price"], 1, [number])
        for number, leg in enumerate(legs)
        if leg["from"] == start
    }
    finished: list[tuple[int, int, int, list[int]]] = []
    for _ in range(max_legs):
        for number in arrivals.get(goal, []):
            if number in ways:
                price, count, path = ways[number]
                finished.append((price, legs[number]["arrive"], count, path))
        longer: dict[int, _Way] = {}
        for number, leg in enumerate(legs):
            before = _best_before(leg, legs, ways, arrivals)
            if before is not None:
                price, count, path = before
                longer[number] = (price + leg["price"], count + 1, [*path, number])
        ways = longer
    if not finished:
        return None
    price, arrive, _, path = min(finished, key=lambda trip: (trip[0], trip[2], trip[1], trip[3]))
    return {"price": price, "arrive": arrive, "legs": path}
