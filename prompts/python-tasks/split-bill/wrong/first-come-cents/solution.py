"""Splitting money to the cent."""

import re

_AMOUNT = re.compile(r"(-?)([0-9]+)(?:\.([0-9]{1,2}))?")


def _money(cents: int) -> str:
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02}"


def split_bill(total: str, shares: dict[str, int]) -> dict[str, str]:
    """Split ``total`` in proportion to ``shares`` by largest remainders.

    Works in whole cents, so that the parts add up to the total exactly.
    Raises ValueError for a malformed total or shares that cannot be used.
    """
    match = _AMOUNT.fullmatch(total)
    if match is None:
        raise ValueError(f"not an amount: {total!r}")
    if any(share < 0 for share in shares.values()):
        raise ValueError("a share must not be negative")
    whole = sum(shares.values())
    if whole == 0:
        raise ValueError("at least one share must be positive")

    sign = -1 if match[1] else 1
    cents = int(match[2]) * 100 + int((match[3] or "").ljust(2, "0"))
    parts = {name: cents * share // whole for name, share in shares.items()}
    left = cents - sum(parts.values())
    # Stable, so the earlier of two equal remainders wins; a share of 0 has no remainder.
    by_remainder = [name for name in shares if shares[name] > 0]
    for name in by_remainder[:left]:
        parts[name] += 1
    return {name: _money(sign * part) for name, part in parts.items()}
