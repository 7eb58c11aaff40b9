"""What all pictures share: colours, names, the pixels of a sample, how they are written."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from alexprep.errors import ImageError, ShardError
from alexprep.files import disk_errors, write_atomically
from alexprep.measuring.stored import decode_stored
from alexprep.raw.source import shown
from alexprep.shards.reader import ShardReader

CHANNELS = ("R", "G", "B")
COLOURS = ("#c0392b", "#27ae60", "#2c5fa8")
GRAY = "#555555"
_DPI = 120


def pixels(reader: ShardReader, number: int) -> NDArray[np.uint8]:
    """Return a sample as uint8 RGB [S, S, 3].

    Raises:
        ShardError: it cannot be read, or does not decode.
    """
    buffer = np.empty((reader.size, reader.size, 4), np.uint8)
    try:
        return decode_stored(reader.read(number), reader.extension, buffer)[..., :3]
    except ImageError as error:
        raise ShardError(f"{reader.describe(number)}: {error}") from error


def show(axes: Axes, image: NDArray[np.uint8]) -> None:
    """Show uint8 RGB without axes."""
    axes.imshow(image, interpolation="antialiased")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def printed(name: str) -> str:
    """Return a name as matplotlib can draw it: any file or folder may be called anything."""
    return shown(name).replace("$", r"\$")  # no formula


def new_figure(width: float, height: float) -> Figure:
    """Return a figure of so many inches that lays itself out."""
    return Figure(figsize=(width, height), layout="constrained")


def save(figure: Figure, path: Path) -> None:
    """Write a PNG.

    Raises:
        DiskError: it cannot be written.
    """
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # A sign that the font has not is drawn as a box.
        warnings.filterwarnings("ignore", message="Glyph")
        # Without the program's version in it, the same picture is the same bytes.
        figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, buffer.getvalue())
