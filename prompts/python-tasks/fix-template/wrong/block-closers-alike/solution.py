"""Small templates with values, loops and conditions."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Union

_TOKEN = re.compile(
    r"(?P<brace>\{\{|\}\})|\{(?P<sign>[!#^]?)(?P<name>[A-Za-z0-9_]+)\}|\{/(?P<close>[#^])\}"
    r"|(?P<text>[^{}]+)"
)


@dataclass(frozen=True)
class _Insert:
    name: str
    raw: bool


@dataclass
class _Block:
    sign: str  # "#", "^" or, for the whole template, ""
    name: str
    parts: list[Union[str, _Insert, "_Block"]] = field(default_factory=list)


Scopes = tuple[dict[str, Any], ...]  # the innermost first


def _parse(template: str) -> _Block:
    """Return the template as a tree; raise ValueError when it is malformed."""
    open_blocks = [_Block("", "")]
    at = 0
    while at < len(template):
        match = _TOKEN.match(template, at)
        if match is None:
            raise ValueError(f"stray brace at {template[at:at + 20]!r}")
        inside = open_blocks[-1].parts
        if match["text"] or match["brace"]:
            inside.append(match["text"] or match["brace"][0])
        elif match["close"]:
            if not open_blocks[-1].sign:
                raise ValueError(f"{match[0]} closes no open block")
            open_blocks.pop()
        elif match["sign"] in ("#", "^"):
            block = _Block(match["sign"], match["name"])
            inside.append(block)
            open_blocks.append(block)
        else:
            inside.append(_Insert(match["name"], match["sign"] == "!"))
        at = match.end()
    if len(open_blocks) > 1:
        raise ValueError(f"block {open_blocks[-1].name!r} is not closed")
    return open_blocks[0]


def _find(scopes: Scopes, name: str) -> Any:
    for scope in scopes:
        if name in scope:
            return scope[name]
    raise KeyError(name)


def _text(value: Any) -> str:
    if isinstance(value, (list, dict)):
        raise TypeError(f"cannot insert a {type(value).__name__}")
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _block_scopes(block: _Block, scopes: Scopes) -> Iterator[Scopes]:
    """Yield the scopes of each time that the block's content is rendered."""
    try:
        value = _find(scopes, block.name)
    except KeyError:
        value = None
    if block.sign == "^":
        if not value:
            yield scopes
    elif isinstance(value, list):
        for item in value:
            yield (item, *scopes)
    elif value:
        yield (value, *scopes) if isinstance(value, dict) else scopes


def _render(block: _Block, scopes: Scopes) -> Iterator[str]:
    for part in block.parts:
        if isinstance(part, str):
            yield part
        elif isinstance(part, _Insert):
            text = _text(_find(scopes, part.name))
            yield text if part.raw else html.escape(text)
        else:
            for inner in _block_scopes(part, scopes):
                yield from _render(part, inner)


def render(template: str, values: dict[str, Any]) -> str:
    """Return the template filled with values.

    Raises ValueError for a malformed template, KeyError for an unknown name and
    TypeError for a value that cannot be inserted.
    """
    return "".join(_render(_parse(template), (values,)))
