"""Reports over a journal."""

from collections import Counter
from collections.abc import Iterator
from typing import Optional

from ledger.accounts import format_amount
from ledger.journal import Journal


def _lines(
    journal: Journal, until: Optional[str] = None, start: str = ""
) -> Iterator[tuple[str, int]]:
    for entry in journal.posted:
        if start <= entry.date and (until is None or entry.date <= until):
            yield from entry.lines


def balance(journal: Journal, account: str, until: Optional[str] = None) -> str:
    """Return debits minus credits of an account and those below it."""
    cents = sum(
        amount
        for name, amount in _lines(journal, until)
        if name == account or name.startswith(f"{account}:")
    )
    return format_amount(cents)


def trial_balance(journal: Journal, until: Optional[str] = None) -> list[list[str]]:
    """Return account and balance of all accounts that are not at zero, by name."""
    sums: Counter[str] = Counter()
    for name, amount in _lines(journal, until):
        sums[name] += amount
    return [[name, format_amount(sums[name])] for name in sorted(sums) if sums[name]]


def income_statement(journal: Journal, start: str, end: str) -> dict[str, str]:
    """Return income, expense and result from start through end."""
    sums: Counter[str] = Counter()
    for name, amount in _lines(journal, end, start):
        sums[journal.chart.kind(name)] += amount
    income, expense = -sums["income"], sums["expense"]
    return {
        "income": format_amount(income),
        "expense": format_amount(expense),
        "result": format_amount(income - expense),
    }
