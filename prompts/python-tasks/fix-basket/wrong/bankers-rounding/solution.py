"""Shopping baskets."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Optional

Items = dict[str, tuple[str, int]]  # name: price, count


def _check_count(count: int) -> None:
    if count < 1:
        raise ValueError("count must be at least 1")


class Basket:
    """Items with prices and counts, and a discount on the whole."""

    def __init__(self, items: Optional[Items] = None, discount_percent: int = 0) -> None:
        if not 0 <= discount_percent <= 100:
            raise ValueError("discount_percent must be 0 to 100")
        self.items: Items = dict(items or {})
        self.discount_percent = discount_percent

    def add(self, name: str, price: str, count: int = 1) -> None:
        """Add items; the price applies to all of that name. ValueError for no items."""
        _check_count(count)
        have = self.items[name][1] if name in self.items else 0
        self.items[name] = (price, have + count)

    def remove(self, name: str, count: int = 1) -> None:
        """Take items out; KeyError for an unknown name, ValueError for a bad count."""
        _check_count(count)
        price, have = self.items[name]
        if count > have:
            raise ValueError(f"there are only {have} of {name!r}")
        if count == have:
            del self.items[name]
        else:
            self.items[name] = (price, have - count)

    def total(self) -> str:
        """Return the discounted sum, rounded half up to two decimals."""
        full = sum((Decimal(price) * count for price, count in self.items.values()), Decimal(0))
        due = full * (100 - self.discount_percent) / 100
        return str(due.quantize(Decimal("0.01")))
