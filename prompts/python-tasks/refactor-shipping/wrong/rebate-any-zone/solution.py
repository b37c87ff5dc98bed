"""Prices of parcels, in cents."""

from collections import Counter
from collections.abc import Callable
from typing import Any

_MAX_GRAMS = 31_500
_EXPRESS_PERCENT = 40
_INSURANCE = 200
_FULL_PRICE_PARCELS = 2  # of one zone; later ones are cheaper
_REBATE_PERCENT = 10

Tariff = Callable[[int], int]


def _stepped(steps: list[tuple[int, int]]) -> Tariff:
    """Return a tariff of inclusive weight limits and their prices."""
    limits = [limit for limit, _ in steps]
    if not steps or limits != sorted(set(limits)):
        raise ValueError("the limits must rise, and there must be one")

    def tariff(grams: int) -> int:
        for limit, cents in steps:
            if grams <= limit:
                return cents
        raise ValueError(f"{grams} g is too heavy for this zone")

    return tariff


def _growing(base: int, included: int, step: int, cents: int) -> Tariff:
    """Return a tariff with a price for each begun step above the included weight."""

    def tariff(grams: int) -> int:
        begun = max(0, -(-(grams - included) // step))
        return base + begun * cents

    return tariff


_tariffs: dict[str, Tariff] = {
    "domestic": _stepped([(500, 390), (2_000, 549), (10_000, 749), (_MAX_GRAMS, 1_049)]),
    "eu": _growing(900, 500, 500, 150),
    "world": _growing(1_500, 0, 250, 125),
}


def add_zone(name: str, steps: list[tuple[int, int]]) -> None:
    """Register a zone; ValueError for a known name or limits that do not rise."""
    if name in _tariffs:
        raise ValueError(f"zone {name!r} is known already")
    _tariffs[name] = _stepped(list(steps))


def price(parcel: dict[str, Any]) -> int:
    """Return the price of a parcel; ValueError for a bad weight or zone."""
    grams, zone = parcel["grams"], parcel["zone"]
    if not 0 < grams <= _MAX_GRAMS:
        raise ValueError(f"{grams} g cannot be sent")
    if zone not in _tariffs:
        raise ValueError(f"unknown zone: {zone!r}")
    cents = _tariffs[zone](grams)
    if parcel.get("express"):
        cents += -(-cents * _EXPRESS_PERCENT // 100)
    if parcel.get("insured"):
        cents += _INSURANCE
    return cents


def quote(parcels: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the prices of parcels sent together, with rebates, and their total."""
    seen: Counter[str] = Counter()
    prices = []
    for parcel in parcels:
        cents = price(parcel)
        if len(prices) >= _FULL_PRICE_PARCELS:
            cents = cents * (100 - _REBATE_PERCENT) // 100
        prices.append(cents)
    return {"total": sum(prices), "prices": prices}
