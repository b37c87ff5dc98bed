"""Nested tag-length-value records."""

from typing import Union

Value = Union[bytes, list]

_PADDING = 0x00
_CONSTRUCTED = 0x80
_MAX_LENGTH_BYTES = 4
_MAX_LEVEL = 16


def _read_length(data: bytes, at: int) -> tuple[int, int]:
    """Return the length that starts at ``at`` and the position behind it."""
    length = 0
    for count in range(_MAX_LENGTH_BYTES):
        if at + count >= len(data):
            raise ValueError("data ends within a length")
        byte = data[at + count]
        length |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return length, at + count + 1
    raise ValueError("length of more than four bytes")


def _decode(data: bytes, level: int) -> list:
    if level > _MAX_LEVEL:
        raise ValueError(f"nested deeper than {_MAX_LEVEL} levels")
    records = []
    at = 0
    while at < len(data):
        tag = data[at]
        at += 1
        if tag == _PADDING:
            continue
        length, at = _read_length(data, at)
        if length > len(data) - at:
            raise ValueError(f"data ends within the value of tag {tag:#04x}")
        body = data[at : at + length]
        at += length
        records.append([tag, _decode(body, level + 1) if tag & _CONSTRUCTED else body])
    return records


def decode(data: bytes) -> list:
    """Return the records as ``[tag, value]`` lists; constructed values are nested.

    Raises ValueError for data that is cut off, badly formed or nested too deeply.
    """
    return _decode(data, 1)


def _length_bytes(length: int) -> bytes:
    if length >= 1 << (7 * _MAX_LENGTH_BYTES):
        raise ValueError(f"value of {length} bytes is too long")
    encoded = bytearray()
    while length >= 0x80:
        encoded.append(length & 0x7F | 0x80)
        length >>= 7
    encoded.append(length)
    return bytes(encoded)


def _encode(records: list, level: int) -> bytes:
    if level > _MAX_LEVEL:
        raise ValueError(f"nested deeper than {_MAX_LEVEL} levels")
    encoded = bytearray()
    for tag, value in records:
        if not 1 <= tag <= 255:
            raise ValueError(f"tag {tag} is not in 1..255")
        if isinstance(value, list) != bool(tag & _CONSTRUCTED):
            raise ValueError(f"tag {tag:#04x} does not fit its value")
        body = _encode(value, level + 1) if isinstance(value, list) else value
        encoded += bytes([tag]) + _length_bytes(len(body)) + body
    return bytes(encoded)


def encode(records: list) -> bytes:
    """Return the bytes of records in the form that ``decode`` returns.

    Raises ValueError for tags, values or nesting that cannot be encoded.
    """
    return _encode(records, 1)
