"""Plug-ins that come with the pipeline."""

import itertools

from plugins.registry import Registry


class Trim:
    """Strips white space at the end of each line."""

    def process(self, text: str) -> str:
        """Return the text without trailing white space."""
        return "\n".join(line.rstrip() for line in text.split("\n"))


class Upper:
    """Upper-cases the text."""

    def process(self, text: str) -> str:
        """Return the text in upper case."""
        return text.upper()


class Number:
    """Numbers lines, on and on."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def process(self, text: str) -> str:
        """Return the text with a number before each line."""
        return "\n".join(f"{next(self._numbers)}: {line}" for line in text.split("\n"))


class Broken:
    """Cannot be made."""

    def __init__(self) -> None:
        raise RuntimeError("this plug-in is broken")


def install(registry: Registry) -> None:
    """Register all plug-ins of this module."""
    registry.register("trim", Trim, priority=10)
    registry.register("upper", Upper, ["trim"], 5)
    registry.register("number", Number, ["trim"])
    registry.register("broken", Broken, ["upper", "number"])
