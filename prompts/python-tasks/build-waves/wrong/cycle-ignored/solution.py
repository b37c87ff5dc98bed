"""Build order of targets, in waves that can run in parallel."""


class CycleError(ValueError):
    """Targets need each other; ``cycle`` lists them in order."""

    def __init__(self, cycle: list[str]) -> None:
        super().__init__(" -> ".join([*cycle, cycle[0]]))
        self.cycle = cycle


def _needs(dependencies: dict[str, list[str]]) -> dict[str, set[str]]:
    needs = {target: set(listed) for target, listed in dependencies.items()}
    for listed in dependencies.values():
        for target in listed:
            needs.setdefault(target, set())
    return needs


def _leads_to(needs: dict[str, set[str]], start: str, goal: str, closed: set[str]) -> bool:
    """Tell whether a path from start to goal exists outside of ``closed``."""
    seen, stack = {start}, [start]
    while stack:
        current = stack.pop()
        if current == goal:
            return True
        for target in needs[current] - seen:
            if target == goal or target not in closed:
                seen.add(target)
                stack.append(target)
    return False


def find_cycle(dependencies: dict[str, list[str]]) -> list[str]:
    """Return the cycle of the smallest target that lies on one, or an empty list."""
    needs = _needs(dependencies)
    for start in sorted(needs):
        path = [start]
        while True:
            following = [
                target
                for target in sorted(needs[path[-1]])
                if target == start
                or (target not in path and _leads_to(needs, target, start, set(path)))
            ]
            if not following:
                break
            if following[0] == start:
                return path
            path.append(following[0])
    return []


def build_waves(dependencies: dict[str, list[str]]) -> list[list[str]]:
    """Return the targets in waves, each sorted; every need lies in an earlier wave.

    Raises CycleError when targets need each other.
    """
    waiting = _needs(dependencies)
    waves = []
    while waiting:
        ready = sorted(target for target, needs in waiting.items() if not needs)
        if not ready:
            break
        waves.append(ready)
        done = set(ready)
        waiting = {t: needs - done for t, needs in waiting.items() if t not in done}
    return waves
