"""Fields of 32-bit registers, described by data."""

from typing import NamedTuple

_BITS = 32


class _Field(NamedTuple):
    low: int
    width: int
    signed: bool

    @property
    def mask(self) -> int:
        """All ones, as wide as the field, not shifted."""
        return (1 << self.width) - 1


def _read_layout(layout: list[list]) -> dict[str, _Field]:
    fields: dict[str, _Field] = {}
    used = 0
    for name, high, low, kind in layout:
        if not 0 <= low <= high < _BITS:
            raise ValueError(f"{name}: bits {high}..{low} are not in 31..0")
        if kind not in ("u", "s"):
            raise ValueError(f"{name}: unknown kind {kind!r}")
        if name in fields:
            raise ValueError(f"{name}: named twice")
        field = _Field(low, high - low + 1, kind == "s")
        if used & (field.mask << low):
            raise ValueError(f"{name}: shares a bit with another field")
        used |= field.mask << low
        fields[name] = field
    return fields


def _check_register(value: int) -> None:
    if not 0 <= value < 1 << _BITS:
        raise ValueError(f"not a 32-bit register value: {value}")


def decode(value: int, layout: list[list]) -> dict[str, int]:
    """Return every field of the register by name.

    Raises ValueError for a bad layout or register value.
    """
    fields = _read_layout(layout)
    _check_register(value)
    decoded = {}
    for name, field in fields.items():
        bits = value >> field.low & field.mask
        negative = field.signed and bits >> (field.width - 1)
        decoded[name] = bits - (field.mask + 1) if negative else bits
    return decoded


def encode(fields: dict[str, int], layout: list[list], base: int = 0) -> int:
    """Return ``base`` with the named fields replaced.

    Raises ValueError for a bad layout or base, KeyError for an unknown field and
    OverflowError for a value that does not fit its field.
    """
    known = _read_layout(layout)
    _check_register(base)
    register = base
    for name, value in fields.items():
        field = known[name]
        least = -(1 << (field.width - 1)) if field.signed else 0
        if not least <= value <= least + field.mask:
            raise OverflowError(f"{name}: {value} does not fit {field.width} bits")
        register &= ~(field.mask << field.low)
        register |= (value & field.mask) << field.low
    return register
