"""Entries of the ledger."""

import re
from dataclasses import dataclass
from datetime import date as Date
from typing import Any

from ledger.accounts import Chart, LedgerError, format_amount, parse_amount

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True)
class Entry:
    """A posted entry; amounts are cents, debits positive."""

    number: int
    date: str
    text: str
    lines: tuple[tuple[str, int], ...]


def _check_date(text: str) -> str:
    try:
        if _DATE.fullmatch(text):
            Date.fromisoformat(text)
            return text
    except ValueError:
        pass
    raise LedgerError(f"not a date: {text!r}")


class Journal:
    """Entries in order of their dates; nothing is ever changed or taken out."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self._entries: list[Entry] = []
        self._reversed: set[int] = set()
        self._closed_through = ""  # ISO dates compare as texts

    @property
    def posted(self) -> tuple[Entry, ...]:
        """The entries, oldest first."""
        return tuple(self._entries)

    def post(self, date: str, text: str, lines: list[list[str]]) -> int:
        """Post an entry and return its number; LedgerError if it cannot be."""
        return self._post(date, text, [(name, parse_amount(amount)) for name, amount in lines])

    def reverse(self, number: int, date: str) -> int:
        """Post the opposite of an entry, once; LedgerError if it cannot be."""
        if not 1 <= number <= len(self._entries):
            raise LedgerError(f"unknown entry: {number}")
        if number in self._reversed:
            raise LedgerError(f"entry {number} is reversed already")
        lines = [(name, -cents) for name, cents in self._entries[number - 1].lines]
        self._reversed.add(number)
        return self._post(date, f"reversal of {number}", lines)

    def close(self, date: str) -> None:
        """Close the period through a date."""
        self._closed_through = max(self._closed_through, _check_date(date))

    def entries(self) -> list[dict[str, Any]]:
        """Return copies of the entries, with amounts as texts."""
        return [
            {
                "number": entry.number,
                "date": entry.date,
                "text": entry.text,
                "lines": [[name, format_amount(cents)] for name, cents in entry.lines],
            }
            for entry in self._entries
        ]

    def _post(self, date: str, text: str, lines: list[tuple[str, int]]) -> int:
        _check_date(date)
        if self._entries and date < self._entries[-1].date:
            raise LedgerError(f"{date} is before the last entry")
        if date <= self._closed_through:
            raise LedgerError(f"{date} is closed")
        if len(lines) < 2:
            raise LedgerError("an entry needs two lines")
        for name, cents in lines:
            self.chart.kind(name)
            if cents == 0:
                raise LedgerError(f"{name}: the amount is zero")
        if sum(cents for _, cents in lines):
            raise LedgerError("debits and credits differ")
        entry = Entry(len(self._entries) + 1, date, text, tuple(lines))
        self._entries.append(entry)
        return entry.number
