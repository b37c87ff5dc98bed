"""URL slugs for titles."""

import itertools
import re
import unicodedata


def _slug(title: str, max_length: int) -> str:
    decomposed = unicodedata.normalize("NFKD", title)
    letters = "".join(ch for ch in decomposed if not unicodedata.combining(ch))
    plain = letters.lower().replace("ß", "ss")
    hyphenated = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return hyphenated[:max_length] or "untitled"


def make_slugs(titles: list[str], max_length: int = 40) -> list[str]:
    """Return one slug per title; no two are equal and none exceeds ``max_length``.

    Raises ValueError when max_length is below 10.
    """
    if max_length < 10:
        raise ValueError("max_length must be at least 10")
    given: set[str] = set()
    slugs = []
    for title in titles:
        base = slug = _slug(title, max_length)
        for number in itertools.count(2):
            if slug not in given:
                break
            suffix = f"-{number}"
            slug = base[: max_length - len(suffix)].rstrip("-") + suffix
        given.add(slug)
        slugs.append(slug)
    return slugs
