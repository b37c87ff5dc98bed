"""Stands in for tensors: numbers in nested lists with as much arithmetic as servers use on a classifier's output."""


class Tensor:
    """Numbers in nested lists: as much of a tensor as servers use on a classifier's output."""

    def __init__(self, data):
        self.data = data

    def _same(self, *values, **named):
        return self

    to = cpu = cuda = detach = numpy = float = half = clone = contiguous = unsqueeze = double = requires_grad_ = pin_memory = _same

    def _rows(self, act):
        return Tensor([act(row) for row in self.data]) if isinstance(self.data, list) and self.data and isinstance(self.data[0], list) else Tensor(act(self.data))

    def softmax(self, *values, **named):
        return self._rows(softmax)

    def sigmoid(self):
        return self._rows(softmax)

    def argmax(self, *values, **named):
        return self._rows(lambda row: row.index(max(row)))

    def max(self, *values, **named):
        if not values and not named:
            return Tensor(max(flat(self.data)))
        return Pair(self._rows(max), self.argmax())

    def topk(self, k, *values, **named):
        order = lambda row: sorted(range(len(row)), key=lambda one: -row[one])[:k]
        return Pair(self._rows(lambda row: [row[one] for one in order(row)]), self._rows(order))

    def sum(self, *values, **named):
        return Tensor(sum(flat(self.data)))

    mean = sum

    def squeeze(self, *values):
        return Tensor(self.data[0]) if isinstance(self.data, list) and len(self.data) == 1 else self

    def flatten(self, *values):
        return Tensor(flat(self.data))

    def item(self):
        values = flat(self.data)
        if len(values) != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return values[0]

    def tolist(self):
        return self.data

    @property
    def shape(self):
        shape, data = [], self.data
        while isinstance(data, list):
            shape.append(len(data))
            data = data[0] if data else 0
        return tuple(shape)

    def size(self, *index):
        return self.shape[index[0]] if index else self.shape

    def __getitem__(self, key):
        data = self.data
        for one in key if isinstance(key, tuple) else (key,):
            data = data[int(one)] if not isinstance(one, slice) else data[one]
        return Tensor(data)

    def __iter__(self):
        return (Tensor(one) for one in self.data)

    def __len__(self):
        return len(self.data)

    def __float__(self):
        return float_of(self.item())

    def __int__(self):
        return int(self.item())

    __index__ = __int__

    def __round__(self, digits=None):
        return round(self.item(), digits)

    def __format__(self, spec):
        return format(self.item(), spec)

    def __mul__(self, other):
        return Tensor(self.item() * float_of(other)) if not isinstance(self.data, list) else self

    __rmul__ = __truediv__ = __add__ = __sub__ = __mul__

    def __lt__(self, other):
        return self.item() < float_of(other)

    def __gt__(self, other):
        return self.item() > float_of(other)

    def __ge__(self, other):
        return self.item() >= float_of(other)

    def __eq__(self, other):
        return not isinstance(self.data, list) and self.data == (other.data if isinstance(other, Tensor) else other)

    def __hash__(self):
        return hash(str(self.data))


class Pair(tuple):
    def __new__(cls, values, indices):
        return super().__new__(cls, (values, indices))

    values = property(lambda self: self[0])
    indices = property(lambda self: self[1])


float_of = float


def flat(data):
    return [one for part in data for one in flat(part)] if isinstance(data, list) else [data]


def softmax(row):
    top = max(row)
    powers = [2.718281828459045**(one - top) for one in row]
    return [one / sum(powers) for one in powers]
