"""Autocomplete over weighted phrases."""

from dataclasses import dataclass


@dataclass
class _Phrase:
    shown: str
    weight: int


def _spaced(text: str) -> str:
    return " ".join(text.split())


def _normal(text: str) -> str:
    return _spaced(text).lower()


class Autocomplete:
    """Phrases with weights, found by the start of any of their words."""

    def __init__(self) -> None:
        self._phrases: dict[str, _Phrase] = {}

    def add(self, phrase: str, weight: int = 1) -> None:
        """Add weight to a phrase; ValueError for an empty phrase or a weight below 1."""
        key = _normal(phrase)
        if not key:
            raise ValueError("the phrase must not be empty")
        if weight < 1:
            raise ValueError("weight must be at least 1")
        self._phrases.setdefault(key, _Phrase(_spaced(phrase), 0)).weight += weight

    def suggest(self, prefix: str, limit: int = 5) -> list[str]:
        """Return the best phrases in which a word starts with the prefix."""
        if limit < 0:
            raise ValueError("limit must not be negative")
        wanted = _normal(prefix)
        if wanted and prefix[-1].isspace():
            wanted += " "
        ranked = sorted(
            (not key.startswith(wanted), -phrase.weight, key)
            for key, phrase in self._phrases.items()
            if f" {key}".find(f" {wanted}") >= 0 or not wanted
        )
        return [self._phrases[key].shown for _, _, key in ranked[:limit]]

    def remove(self, phrase: str) -> bool:
        """Forget a phrase and tell whether it was there."""
        return self._phrases.pop(_normal(phrase), None) is not None

    def weight(self, phrase: str) -> int:
        """Return a phrase's weight, 0 when it is unknown."""
        found = self._phrases.get(_normal(phrase))
        return found.weight if found else 0
