"""Settings merged from several sources."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple, Optional, Protocol, TypeVar

_T = TypeVar("_T")

_INT = re.compile(r"[+-]?[0-9]+")
_BOOLS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


class ConfigError(Exception):
    """A setting cannot be had."""


class MissingKey(ConfigError):
    """No source has the key."""


class BadValue(ConfigError):
    """The text of a setting cannot be converted."""


class Source(Protocol):
    """What ``Config`` needs of a source."""

    name: str

    def load(self) -> dict[str, str]:
        """Return flat settings."""


class _Setting(NamedTuple):
    text: str
    source: str


class Config:
    """Flat settings; later sources win."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = list(sources)
        self._settings = self._load()

    def get(self, key: str, default: Any = None) -> Any:
        """Return the text of a setting, or the default."""
        setting = self._settings.get(key)
        return default if setting is None else setting.text

    def get_int(self, key: str, default: Optional[int] = None) -> int:
        """Return a setting as int; MissingKey without default, BadValue."""
        setting = self._settings.get(key)
        if setting is None:
            return self._default(key, default)
        text = setting.text.strip()
        if not _INT.fullmatch(text):
            raise self._bad(key, setting, "int")
        return int(text)

    def get_bool(self, key: str, default: Optional[bool] = None) -> bool:
        """Return a setting as bool; MissingKey without default, BadValue."""
        setting = self._settings.get(key)
        if setting is None:
            return self._default(key, default)
        text = setting.text.strip().lower()
        if text not in _BOOLS:
            raise self._bad(key, setting, "bool")
        return _BOOLS[text]

    def origin(self, key: str) -> str:
        """Return the name of the source that won; MissingKey."""
        if key not in self._settings:
            raise MissingKey(key)
        return self._settings[key].source

    def section(self, prefix: str) -> dict[str, str]:
        """Return the settings below a prefix, without it."""
        start = f"{prefix}."
        return {
            key.removeprefix(start): setting.text
            for key, setting in self._settings.items()
            if key.startswith(start)
        }

    def reload(self) -> list[str]:
        """Load all sources again and return the keys whose text is another now."""
        before, self._settings = self._settings, self._load()
        keys = before.keys() | self._settings.keys()
        return sorted(
            key for key in keys if self._text_in(before, key) != self._text_in(self._settings, key)
        )

    def _load(self) -> dict[str, _Setting]:
        settings: dict[str, _Setting] = {}
        for source in self._sources:
            for key, text in source.load().items():
                settings[key] = _Setting(text, source.name)
        return settings

    @staticmethod
    def _text_in(settings: dict[str, _Setting], key: str) -> Optional[str]:
        return settings[key].text if key in settings else None

    @staticmethod
    def _default(key: str, default: Optional[_T]) -> _T:
        if not default:
            raise MissingKey(key)
        return default

    @staticmethod
    def _bad(key: str, setting: _Setting, kind: str) -> BadValue:
        return BadValue(f"{key}: {setting.text!r} from {setting.source} is no {kind}")
