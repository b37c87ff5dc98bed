"""Transfer rates for people."""

_UNITS = ("B/s", "kB/s", "MB/s", "GB/s", "TB/s")


def _round_half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)


def format_rate(byte_count: int, milliseconds: int) -> str:
    """Return the rate in the largest decimal unit in which it is, rounded, at least 1.

    Integers only, so that halves are rounded up exactly.
    Raises ValueError for a negative count or a duration that is not positive.
    """
    if byte_count < 0:
        raise ValueError("byte_count must not be negative")
    if milliseconds <= 0:
        raise ValueError("milliseconds must be positive")
    whole = _round_half_up(byte_count * 1000, milliseconds)
    if whole < 1024:
        return f"{whole} B/s"
    for power, unit in enumerate(_UNITS[1:], start=1):
        tenths = _round_half_up(byte_count * 1000 * 10, milliseconds * 1000**power)
        if tenths < 10_000 or unit == _UNITS[-1]:
            break
    return f"{tenths // 10}.{tenths % 10} {unit}"
