"""Items of an inventory and what can go wrong with them."""

from dataclasses import dataclass


class InventoryError(Exception):
    """Something about the inventory does not allow what was asked for."""


class UnknownItem(InventoryError):
    """There is no item with this SKU."""


class DuplicateItem(InventoryError):
    """There is an item with this SKU already."""


class OutOfStock(InventoryError):
    """There are not enough items that nobody has reserved."""


@dataclass(frozen=True)
class Item:
    """A kind of goods, with how many there are and how many are promised."""

    sku: str
    name: str
    quantity: int = 0
    reserved: int = 0

    @property
    def available(self) -> int:
        """Items that nobody has reserved."""
        return self.quantity - self.reserved
