"""Merge layers of INI settings from standard input."""

import re
import sys
from typing import Optional

_LAYER_END = "%%"
_REFERENCE = re.compile(r"\$\{([^{}]*)\}")
_UNNAMED = ""

Settings = dict[tuple[str, str], str]  # (section, key): value


class SettingsError(Exception):
    """The settings cannot be read or resolved; the message says why."""


def _section_name(text: str) -> Optional[str]:
    """Return the name within brackets, or None."""
    if text.startswith("[") and text.endswith("]"):
        return text[1:-1].strip() or None
    return None


def _remove(settings: Settings, section: str, target: str) -> bool:
    """Do what ``!target`` asks for; return False when it is malformed."""
    if target.startswith("["):
        name = _section_name(target)
        if name is None:
            return False
        for place in [place for place in settings if place[0] == name]:
            del settings[place]
        return True
    settings.pop((section, target), None)
    return bool(target)


def _assign(settings: Settings, section: str, line: str) -> bool:
    """Do what ``key = value`` or ``key += value`` asks for; False when malformed."""
    key, equals, value = line.partition("=")
    appends = key.endswith("+")
    key, value = key.removesuffix("+").strip(), value.strip()
    if not equals or not key:
        return False
    before = settings.get((section, key), "") if appends else ""
    settings[section, key] = f"{before},{value}" if before else value
    return True


def merge(text: str) -> Settings:
    """Return the settings of all layers; raise SettingsError for a malformed line."""
    settings: Settings = {}
    section = _UNNAMED
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.strip()
        if raw.rstrip("\r") == _LAYER_END:
            section = _UNNAMED
        elif not line or line[0] in "#;":
            continue
        elif line.startswith("["):
            name = _section_name(line)
            if name is None:
                raise SettingsError(f"line {number}: malformed")
            section = name
        elif line.startswith("!"):
            if not _remove(settings, section, line[1:].strip()):
                raise SettingsError(f"line {number}: malformed")
        elif not _assign(settings, section, line):
            raise SettingsError(f"line {number}: malformed")
    return settings


def _place(reference: str) -> tuple[str, str]:
    section, dot, key = reference.partition(".")
    return (section, key) if dot else (_UNNAMED, reference)


def _resolve(settings: Settings, value: str, within: tuple[str, ...]) -> str:
    seen = list(within)

    def replaced(match: re.Match[str]) -> str:
        name = match[1]
        if _place(name) not in settings:
            raise SettingsError(f"unknown reference: {name}")
        if name in seen:
            raise SettingsError(f"circular reference: {name}")
        seen.append(name)
        return _resolve(settings, settings[_place(name)], (*within, name))

    return _REFERENCE.sub(replaced, value)


def render(settings: Settings) -> list[str]:
    """Return the lines of the merged settings with all references replaced."""
    lines: list[str] = []
    current = _UNNAMED
    for section, key in sorted(settings):
        own_name = f"{section}.{key}" if section else key
        value = _resolve(settings, settings[section, key], (own_name,))
        if section != current:
            lines += ["", f"[{section}]"] if lines else [f"[{section}]"]
            current = section
        lines.append(f"{key} = {value}".rstrip())
    return lines


def main() -> None:
    """Merge standard input and print the settings."""
    try:
        lines = render(merge(sys.stdin.read()))
    except SettingsError as error:
        print(error)
        return
    if lines:
        print("\n".join(lines))


if __name__ == "__main__":
    main()
