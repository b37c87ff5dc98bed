# Values as Python literals: text that is data. Put before the drivers of both sides.
from _json import encode_basestring_ascii as _quote

_MAX_DEPTH = 90
_HUGE = 1 << 4096
_TYPES = {kind.__name__: kind for kind in (bool, int, float, str, bytes, list, tuple, dict, set, frozenset)}


class NoLiteral(BaseException):
    """A value that has no literal; a BaseException, so that no `except Exception` hides it."""


def _base_of(value):
    """The value as an exact builtin, by the builtin's own methods, whatever a subclass overrides."""
    if isinstance(value, int):
        return int.__pos__(value)
    if isinstance(value, float):
        return float.__pos__(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bytes):
        return bytes.__getitem__(value, slice(None))
    if isinstance(value, bytearray):
        return bytes(bytearray.__getitem__(value, slice(None)))
    for kind in (list, tuple, set, frozenset):
        if isinstance(value, kind):
            return kind(kind.__iter__(value))
    if isinstance(value, dict):
        return dict(dict.items(value))
    raise NoLiteral("an object of type " + str(type(value).__name__))


def encode_literal(value, depth=0, reference=None):
    kind = type(value)
    if kind is int and (value > _HUGE or value < -_HUGE):
        return hex(value)  # decimal digits take quadratic time
    if value is None or kind is bool or kind is int or kind is str or kind is bytes:
        return repr(value)
    if kind is float:
        if value != value:
            return "nan"
        return repr(value)  # inf and -inf are names that the reader knows
    if kind is type and _TYPES.get(value.__name__) is value:
        return value.__name__
    if kind is complex:
        return "complex(%s, %s)" % (encode_literal(value.real), encode_literal(value.imag))
    if depth > _MAX_DEPTH:
        raise NoLiteral("a value nested deeper than %d" % _MAX_DEPTH)
    if reference is not None:
        name = reference(value)
        if name is not None:
            return "ref(%d)" % name
    inner = lambda item: encode_literal(item, depth + 1, reference)
    if kind is list:
        return "[" + ", ".join(map(inner, value)) + "]"
    if kind is tuple:
        return "(" + "".join(inner(item) + ", " for item in value) + ")"
    if kind is dict:
        return "{" + ", ".join(inner(key) + ": " + inner(item) for key, item in value.items()) + "}"
    if kind is set or kind is frozenset:
        items = ", ".join(map(inner, value))
        if kind is frozenset:
            return "frozenset([" + items + "])"
        return "{" + items + "}" if items else "set()"
    return encode_literal(_base_of(value), depth, reference)


def quote(text):
    """A JSON string of ASCII; bytes that are no text were never in it."""
    return _quote(text)
