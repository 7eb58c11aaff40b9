"""Write the meta.mat of a development kit: a struct array in MATLAB's level 5 format.

The layout is that of "MAT-File Format" (MathWorks); raw/mat5.py and scipy read it back.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence

_HEADER = b"MATLAB 5.0 MAT-file, drawn by alexprep synth".ljust(116) + bytes(8) + b"\0\1IM"
_INT8, _UINT16, _INT32, _UINT32, _DOUBLE, _MATRIX, _COMPRESSED = 1, 4, 5, 6, 9, 14, 15
_STRUCT_CLASS, _CHAR_CLASS, _DOUBLE_CLASS = 2, 4, 6
_FIELD_WIDTH = 32

Value = str | float | Sequence[float]


def write_structs(name: str, entries: Sequence[Mapping[str, Value]]) -> bytes:
    """Return a MATLAB 5 file with one variable, a column of structs.

    Args:
        name: The variable.
        entries: One mapping for each struct, all with the same keys. A text becomes a row of
            characters, a number a 1x1 double, a sequence a row of doubles.
    """
    fields = list(entries[0])
    names = b"".join(field.encode("ascii").ljust(_FIELD_WIDTH, b"\0") for field in fields)
    body = _matrix_start(_STRUCT_CLASS, (len(entries), 1), name)
    body += _element(_INT32, struct.pack("<i", _FIELD_WIDTH)) + _element(_INT8, names)
    body += b"".join(_value(entry[field]) for entry in entries for field in fields)
    packed = zlib.compress(_element(_MATRIX, body))
    return _HEADER + struct.pack("<II", _COMPRESSED, len(packed)) + packed


def _element(kind: int, data: bytes) -> bytes:
    if 0 < len(data) <= 4:  # lies inside its own tag
        return struct.pack("<HH", kind, len(data)) + data.ljust(4, b"\0")
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)


def _matrix_start(array_class: int, shape: tuple[int, int], name: str = "") -> bytes:
    flags = _element(_UINT32, struct.pack("<II", array_class, 0))
    return flags + _element(_INT32, struct.pack("<ii", *shape)) + _element(_INT8, name.encode())


def _value(value: Value) -> bytes:
    if isinstance(value, str):
        start = _matrix_start(_CHAR_CLASS, (min(1, len(value)), len(value)))
        return _element(_MATRIX, start + _element(_UINT16, value.encode("utf-16-le")))
    numbers = list(value) if isinstance(value, Sequence) else [value]
    start = _matrix_start(_DOUBLE_CLASS, (min(1, len(numbers)), len(numbers)))
    data = struct.pack(f"<{len(numbers)}d", *numbers)
    return _element(_MATRIX, start + _element(_DOUBLE, data))
