"""Read the one kind of MATLAB 5 file that a devkit holds: a struct array of texts and numbers.

The layout is that of "MAT-File Format" (MathWorks), level 5: a header of 128 bytes, then elements
of type, length and data, most of them wrapped in zlib. scipy would read it too, at 100 MB.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
_NUMBERS = {1: "b", 2: "B", 3: "h", 4: "H", 5: "i", 6: "I", 7: "f", 9: "d", 12: "q", 13: "Q"}
_TEXTS = {1: "latin-1", 2: "latin-1", 4: "utf-16-le", 16: "utf-8", 17: "utf-16-le"}
_STRUCT_CLASS, _CHAR_CLASS = 2, 4

Value = str | float | None


class Mat5Error(ValueError):
    """The bytes are no MATLAB 5 file of the kind that is read here."""


def read_structs(data: bytes, name: str) -> list[dict[str, Value]]:
    """Return the elements of the struct array called `name`, in its own order.

    Args:
        data: The whole file, little-endian as every devkit is.
        name: The variable, e.g. "synsets".

    Returns:
        One dict for each element. A text is a str, a number (the first, of an array of them) is a
        float; what is empty, and any other kind of value, is None.

    Raises:
        Mat5Error: no such variable, or the file is damaged or of another kind.
    """
    if data[126:128] != b"IM":
        raise Mat5Error("no little-endian MATLAB 5 file")
    try:
        for kind, body in _elements(data[_HEADER:]):
            for inner, matrix in _inflate(kind, body):
                if inner == _MATRIX and (found := _struct_array(matrix, name)) is not None:
                    return found
    except Mat5Error:
        raise
    except (struct.error, zlib.error, ValueError, IndexError, KeyError) as error:
        raise Mat5Error(f"damaged ({error})") from error
    raise Mat5Error(f"no struct array called {name}")


def _inflate(kind: int, body: bytes) -> Iterator[tuple[int, bytes]]:
    if kind == _COMPRESSED:
        yield from _elements(zlib.decompress(body))
    else:
        yield kind, body


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and data of each element; texts of up to 4 bytes lie inside their own tag."""
    position = 0
    while position < len(data):
        kind, length = struct.unpack_from("<II", data, position)
        if kind >> 16:
            small, kind = kind >> 16, kind & 0xFFFF
            yield kind, data[position + 4 : position + 4 + small]
            position += 8
            continue
        body = data[position + 8 : position + 8 + length]
        if len(body) < length:
            raise Mat5Error("cut short")
        yield kind, body
        # All but compressed elements are padded to 8 bytes.
        position += 8 + length + (0 if kind == _COMPRESSED else -length % 8)


def _struct_array(matrix: bytes, name: str) -> list[dict[str, Value]] | None:
    parts = list(_elements(matrix))
    if parts[0][1][0] != _STRUCT_CLASS or parts[2][1].decode("latin-1") != name:
        return None
    (width,) = struct.unpack("<i", parts[3][1])
    text = parts[4][1].decode("latin-1")
    fields = [text[at : at + width].rstrip("\0") for at in range(0, len(text), width)]
    values = [_value(body) for _, body in parts[5:]]
    starts = range(0, len(values), len(fields))
    return [dict(zip(fields, values[at : at + len(fields)], strict=True)) for at in starts]


def _value(matrix: bytes) -> Value:
    parts = list(_elements(matrix))
    if len(parts) < 4 or not parts[3][1]:
        return None
    kind, body = parts[3]
    if parts[0][1][0] == _CHAR_CLASS:
        return body.decode(_TEXTS[kind])
    if kind not in _NUMBERS:
        return None
    return float(struct.unpack_from("<" + _NUMBERS[kind], body)[0])
