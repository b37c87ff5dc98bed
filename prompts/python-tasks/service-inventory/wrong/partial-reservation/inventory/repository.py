"""Storage of items in memory."""

from inventory.models import DuplicateItem, Item, UnknownItem


class MemoryRepository:
    """Items by SKU."""

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}

    def add(self, item: Item) -> None:
        """Store a new item; raise DuplicateItem if its SKU is taken."""
        if item.sku in self._items:
            raise DuplicateItem(item.sku)
        self._items[item.sku] = item

    def get(self, sku: str) -> Item:
        """Return an item; raise UnknownItem."""
        try:
            return self._items[sku]
        except KeyError:
            raise UnknownItem(sku) from None

    def save(self, item: Item) -> None:
        """Replace the item of this SKU; raise UnknownItem."""
        self.get(item.sku)
        self._items[item.sku] = item

    def all(self) -> list[Item]:
        """Return all items, sorted by SKU."""
        return [self._items[sku] for sku in sorted(self._items)]
