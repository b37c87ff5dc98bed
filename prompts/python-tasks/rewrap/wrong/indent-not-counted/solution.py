"""Rewrap paragraphs of plain text from standard input."""

import re
import sys
from typing import NamedTuple

_INDENT = re.compile(r"[ \t]*")
_MARKER = re.compile(r"([ \t]*)((?:[-*]|[0-9]+\.) )")
_FENCE = re.compile(r"[ \t]*(`{3,})")


class Block(NamedTuple):
    """Lines that belong together."""

    lines: list[str]
    copied: bool  # a fence
    spaced: bool  # a blank line stands before it


def _blocks(lines: list[str]) -> list[Block]:
    """Split the text into paragraphs, list items and fences."""
    blocks: list[Block] = []
    fresh = True  # the next line begins a paragraph
    ticks = ""  # those of the fence that is open
    for line in lines:
        fence = _FENCE.match(line)
        if ticks:
            blocks[-1].lines.append(line)
            if fence and len(fence[1]) >= len(ticks):
                ticks, fresh = "", True
        elif not line.strip():
            fresh = True
        elif fence:
            ticks = fence[1]
            blocks.append(Block([line], True, True))
        elif fresh or _MARKER.match(line):
            blocks.append(Block([line], False, fresh))
            fresh = False
        else:
            blocks[-1].lines.append(line)
    return blocks


def _indents(lines: list[str]) -> tuple[str, str]:
    """Return the beginning of the first output line and of all others."""
    marker = _MARKER.match(lines[0])
    if marker:
        return marker[0], marker[1] + " " * len(marker[2])
    first = _leading(lines[0])
    return first, _leading(lines[1]) if len(lines) > 1 else first


def _leading(line: str) -> str:
    match = _INDENT.match(line)
    return match[0] if match else ""


def _fill(block: Block, width: int) -> list[str]:
    first, other = _indents(block.lines)
    marker = _MARKER.match(block.lines[0])
    start = block.lines[0][marker.end() :] if marker else block.lines[0]
    words = " ".join([start, *block.lines[1:]]).split()
    filled: list[str] = []
    current = first + "".join(words[:1])
    for word in words[1:]:
        if len(current.strip()) + 1 + len(word) <= width:
            current += " " + word
        else:
            filled.append(current)
            current = other + word
    return [*filled, current.rstrip()]


def rewrap(text: str, width: int) -> list[str]:
    """Return the lines of the text, refilled to ``width`` characters."""
    lines = text.split("\n")
    output: list[str] = []
    for block in _blocks(lines[:-1] if lines[-1] == "" else lines):
        if block.spaced and output:
            output.append("")
        output += block.lines if block.copied else _fill(block, width)
    return output


def main() -> None:
    """Rewrap standard input to the width given as argument."""
    lines = rewrap(sys.stdin.read(), int(sys.argv[1]))
    if lines:
        print("\n".join(lines))


if __name__ == "__main__":
    main()
