"""What one can do with an inventory."""

from collections import Counter
from dataclasses import replace

from inventory.models import InventoryError, Item, OutOfStock
from inventory.repository import MemoryRepository


def _normal(sku: str) -> str:
    return sku.strip().upper()


class InventoryService:
    """Stock keeping with reservations by order."""

    def __init__(self, repository: MemoryRepository) -> None:
        self._repository = repository
        self._orders: dict[str, Counter[str]] = {}

    def register(self, sku: str, name: str, quantity: int = 0) -> None:
        """Add an item; ValueError for empty texts or a negative quantity."""
        sku, name = _normal(sku), name.strip()
        if not sku or not name:
            raise ValueError("SKU and name must not be empty")
        if quantity < 0:
            raise ValueError("quantity must not be negative")
        self._repository.add(Item(sku, name, quantity))

    def restock(self, sku: str, count: int) -> int:
        """Add to an item's stock and return the new quantity."""
        if count < 1:
            raise ValueError("count must be at least 1")
        item = self._repository.get(_normal(sku))
        self._repository.save(replace(item, quantity=item.quantity + count))
        return item.quantity + count

    def reserve(self, order: str, lines: dict[str, int]) -> None:
        """Reserve all lines of an order or none of them."""
        if any(count < 1 for count in lines.values()):
            raise ValueError("counts must be at least 1")
        if not lines:
            raise ValueError("an order needs lines")
        if order in self._orders:
            raise InventoryError(f"order {order!r} is known already")
        wanted: Counter[str] = Counter()
        for sku, count in lines.items():
            wanted[_normal(sku)] += count
        items = [self._repository.get(sku) for sku in wanted]
        for item in items:
            if item.available < wanted[item.sku]:
                raise OutOfStock(f"{item.sku}: {item.available} of {wanted[item.sku]}")
        for item in items:
            self._repository.save(replace(item, reserved=item.reserved + wanted[item.sku]))
        self._orders[order] = wanted

    def ship(self, order: str) -> None:
        """Take an order's items out of stock."""
        for sku, count in self._take(order).items():
            item = self._repository.get(sku)
            self._repository.save(
                replace(item, quantity=item.quantity - count)
            )

    def cancel(self, order: str) -> None:
        """Free what an order has reserved."""
        for sku, count in self._take(order).items():
            item = self._repository.get(sku)
            self._repository.save(replace(item, reserved=item.reserved - count))

    def available(self, sku: str) -> int:
        """Return how many of an item nobody has reserved."""
        return self._repository.get(_normal(sku)).available

    def low(self, threshold: int) -> list[tuple[str, int]]:
        """Return SKU and available count of items that run out, fewest first."""
        rows = [(item.sku, item.available) for item in self._repository.all()]
        return sorted((row for row in rows if row[1] <= threshold), key=lambda row: row[::-1])

    def _take(self, order: str) -> Counter[str]:
        if order not in self._orders:
            raise InventoryError(f"unknown order: {order!r}")
        return self._orders.pop(order)
