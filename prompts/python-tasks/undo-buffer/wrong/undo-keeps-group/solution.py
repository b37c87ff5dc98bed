"""Text buffer with grouped undo and redo."""

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class _Step:
    before: str
    after: str


@dataclass
class _Typing:
    """The group of typed characters that the next one may join."""

    end: int
    last: str

    def joins(self, position: int, text: str) -> bool:
        return position == self.end and self.last != " " and _is_typed(text)


def _is_typed(text: str) -> bool:
    return len(text) == 1 and text not in "\r\n"


class TextBuffer:
    """Editable text; every change can be undone, typing word by word."""

    def __init__(self, text: str = "", limit: int = 100) -> None:
        if limit < 1:
            raise ValueError("limit must be at least 1")
        self._text = text
        self._limit = limit
        self._undo: list[_Step] = []
        self._redo: list[_Step] = []
        self._typing: Optional[_Typing] = None

    def text(self) -> str:
        """Return the content."""
        return self._text

    def insert(self, position: int, text: str) -> None:
        """Insert text; raise IndexError for a position outside of the content."""
        if not 0 <= position <= len(self._text):
            raise IndexError(f"position {position} is not in 0..{len(self._text)}")
        if not text:
            return
        changed = self._text[:position] + text + self._text[position:]
        if self._typing is not None and self._typing.joins(position, text):
            self._undo[-1] = _Step(self._undo[-1].before, changed)
            self._text = changed
        else:
            self._do(changed)
        if _is_typed(text):
            self._typing = _Typing(position + 1, text)

    def delete(self, start: int, end: int) -> str:
        """Remove ``[start, end)`` and return it; raise IndexError for a bad range."""
        if not 0 <= start <= end <= len(self._text):
            raise IndexError(f"[{start}, {end}) is not in 0..{len(self._text)}")
        removed = self._text[start:end]
        self._do(self._text[:start] + self._text[end:])
        return removed

    def replace(self, old: str, new: str) -> int:
        """Replace all occurrences and return their number; ``old`` must not be empty."""
        if not old:
            raise ValueError("the text to replace must not be empty")
        count = self._text.count(old)
        self._do(self._text.replace(old, new))
        return count

    def mark(self) -> None:
        """End the current group of typed characters."""
        self._typing = None

    def undo(self) -> bool:
        """Take back the last step; return False when there is none."""
        if not self._undo:
            return False
        step = self._undo.pop()
        self._redo.append(step)
        self._text = step.before
        return True

    def redo(self) -> bool:
        """Do the step undone last once more; return False when there is none."""
        if not self._redo:
            return False
        step = self._redo.pop()
        self._undo.append(step)
        self._text = step.after
        self._typing = None
        return True

    def undo_count(self) -> int:
        """Return the number of steps that can be undone."""
        return len(self._undo)

    def redo_count(self) -> int:
        """Return the number of steps that can be redone."""
        return len(self._redo)

    def _do(self, changed: str) -> None:
        if changed == self._text:
            return
        self._undo.append(_Step(self._text, changed))
        del self._undo[: -self._limit]
        self._redo.clear()
        self._text = changed
        self._typing = None
