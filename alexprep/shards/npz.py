"""Named arrays in a .npz file: the same arrays give the same bytes, and no objects are read."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alexprep.files import write_atomically


def save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays as `numpy.load` reads them.

    Raises:
        DiskError: the disk is full or may not be written.
    """
    write_atomically(path, to_bytes(arrays))


def to_bytes(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return the bytes of a .npz file. Nothing is compressed: no byte depends on a library."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)
            # A ZipInfo without a date has ZIP's first day, 1980-01-01.
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue())
    return buffer.getvalue()


def load_arrays(path: Path, names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """Read the arrays of these names.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, or lacks one of the names; the text is the reason.
    """
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                return {name: _read(archive, name) for name in names}
        except Exception as error:  # what a damaged archive makes zipfile and numpy raise is open
            raise ValueError(str(error) or type(error).__name__) from error


def _read(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    # We write none, and a compressed one may hold a thousand times its size.
    if archive.getinfo(f"{name}.npy").compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{name} is compressed")
    with archive.open(f"{name}.npy") as member:
        array: NDArray[Any] = np.lib.format.read_array(member, allow_pickle=False)
    return array
