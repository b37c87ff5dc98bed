"""Objects that take any use, for what a model server touches and nothing here depends on: loggers, optimisers, contexts, devices."""
import types


class Anything:
    """Takes any use. As a decorator it leaves the function as it is."""

    def __init__(self, name="anything"):
        object.__setattr__(self, "_name", name)

    def __getattr__(self, name):
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return Anything(f"{self._name}.{name}")

    def __setattr__(self, name, value):
        object.__setattr__(self, name, value)

    def __call__(self, *values, **named):
        if len(values) == 1 and not named and isinstance(values[0], types.FunctionType):
            return values[0]
        return Anything(f"{self._name}()")

    def __mro_entries__(self, bases):
        return ()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        return False

    def __await__(self):
        return self
        yield  # makes this a generator, as await wants

    def __iter__(self):
        return iter(())

    def __len__(self):
        return 1

    def __bool__(self):
        return True

    def __getitem__(self, key):
        return Anything(f"{self._name}[]")

    def __setitem__(self, key, value):
        pass

    def __float__(self):
        return 0.5

    def __int__(self):
        return 1

    __index__ = __int__

    def __str__(self):
        return self._name

    def _same(self, *others):
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __pow__ = __neg__ = __matmul__ = _same

    def __lt__(self, other):
        return False

    __gt__ = __le__ = __ge__ = __lt__


class Context:
    """torch.no_grad() and its like: a context, and a decorator with or without parentheses."""

    def __init__(self, *values, **named):
        pass

    def __call__(self, function):
        return function

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False


def context(*values, **named):
    return values[0] if values and isinstance(values[0], types.FunctionType) else Context()


class Device:
    def __init__(self, kind="cpu", *values):
        self.type, self.index = str(kind).split(":")[0], None

    def __str__(self):
        return self.type
