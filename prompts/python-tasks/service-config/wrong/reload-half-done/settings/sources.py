"""Where settings come from."""

from collections.abc import Iterator, Mapping
from typing import Any


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if not key or "." in key:
            raise ValueError(f"a key must not be empty or have a dot: {key!r}")
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key}.")
        elif value is not None:
            yield prefix + key, _text(value)


class DictSource:
    """Settings from a nested dict."""

    def __init__(self, name: str, values: Mapping[str, Any]) -> None:
        self.name = name
        self._values = values

    def load(self) -> dict[str, str]:
        """Return the settings with their keys joined by dots; ValueError for bad keys."""
        return dict(_flatten(self._values))


class EnvSource:
    """Settings from environment variables that begin with a prefix."""

    name = "env"

    def __init__(self, prefix: str, environ: Mapping[str, str]) -> None:
        self._start = f"{prefix}_"
        self._environ = environ

    def load(self) -> dict[str, str]:
        """Return the settings, APP_DB__PORT as db.port."""
        return {
            name.removeprefix(self._start).lower().replace("__", "."): value
            for name, value in self._environ.items()
            if name.startswith(self._start) and name != self._start
        }
