"""Ignore rules for paths."""

import re
from fnmatch import translate
from functools import lru_cache


@lru_cache(maxsize=1024)
def _component_pattern(component: str) -> re.Pattern[str]:
    # fnmatch has the same wildcards: *, ?, [abc], [!abc]; components hold no slash.
    return re.compile(translate(component))


def _matches(parts: list[str], pattern: list[str]) -> bool:
    """Tell whether the pattern matches all of the parts."""
    # reachable holds how many parts the pattern read so far can have consumed.
    reachable = {0}
    for component in pattern:
        if component == "**":
            reachable = set(range(min(reachable), len(parts) + 1))
        else:
            matcher = _component_pattern(component)
            reachable = {
                at + 1 for at in reachable if at < len(parts) and matcher.match(parts[at])
            }
        if not reachable:
            return False
    return len(parts) in reachable


def _rule_matches(path: str, rule: str) -> bool:
    parts = path.split("/")
    directories_only = rule.endswith("/")
    body = rule.removesuffix("/")
    anchored = "/" in body
    pattern = body.removeprefix("/").split("/")
    if not anchored:
        pattern.insert(0, "**")
    longest = len(parts) - 1 if directories_only else len(parts)
    return any(_matches(parts[:length], pattern) for length in range(1, longest + 1))


def ignored(path: str, rules: list[str]) -> bool:
    """Tell whether the last rule that matches the path says to ignore it."""
    for rule in reversed(rules):
        if not rule or rule.startswith("#"):
            continue
        negated = rule.startswith("!")
        if _rule_matches(path, rule[1:] if negated else rule):
            return not negated
    return False
