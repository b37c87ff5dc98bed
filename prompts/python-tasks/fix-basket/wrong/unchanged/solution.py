class Basket:
    def __init__(self, items={}, discount_percent=0):
        self.items = items
        self.discount_percent = discount_percent

    def add(self, name, price, count=1):
        if name in self.items:
            self.items[name] = (price, count)
        else:
            self.items[name] = (price, count)

    def remove(self, name, count=1):
        price, have = self.items[name]
        self.items[name] = (price, have - count)

    def total(self):
        total = 0
        for price, count in self.items.values():
            total += float(price) * count
        total -= total * self.discount_percent / 100
        return "%.2f" % total
