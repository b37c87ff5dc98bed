"""Amounts and the chart of accounts."""

import re

_AMOUNT = re.compile(r"(-?)([0-9]+)(?:\.([0-9]{1,2}))?")
_KINDS = ("asset", "liability", "equity", "income", "expense")


class LedgerError(Exception):
    """The books do not allow what was asked for."""


def parse_amount(text: str) -> int:
    """Return the cents of an amount; ValueError when it is malformed."""
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise ValueError(f"not an amount: {text!r}")
    cents = int(match[2]) * 100 + int((match[3] or "").ljust(2, "0"))
    return -cents if match[1] else cents


def format_amount(cents: int) -> str:
    """Return cents as an amount with two decimals."""
    whole, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{whole}.{rest:02}"


class Chart:
    """Accounts and their kinds."""

    def __init__(self) -> None:
        self._kinds: dict[str, str] = {}

    def add(self, name: str, kind: str) -> None:
        """Add an account; LedgerError for a bad or known name or an unknown kind."""
        if kind not in _KINDS:
            raise LedgerError(f"unknown kind: {kind!r}")
        if not all(name.split(":")):
            raise LedgerError(f"a part of the name is empty: {name!r}")
        if name in self._kinds:
            raise LedgerError(f"account {name!r} is known already")
        self._kinds[name] = kind

    def kind(self, name: str) -> str:
        """Return an account's kind; LedgerError when it is unknown."""
        if name not in self._kinds:
            raise LedgerError(f"unknown account: {name!r}")
        return self._kinds[name]
