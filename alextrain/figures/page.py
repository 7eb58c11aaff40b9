"""What all pictures share: colours, how names are cut, how a page is saved.

Figures are drawn without pyplot: no display, no global state. Class names are never read as maths
(`parse_math=False`), because a "$" in one would be.
"""

from __future__ import annotations

import io
from pathlib import Path

from matplotlib.figure import Figure

from alexprep.files import write_atomically

# Okabe and Ito's, which colour-blind people tell apart; ORANGE carries black text
BLUE, SKY, RED, ORANGE = "#0072B2", "#56B4E9", "#D55E00", "#E69F00"
GREY, GRID = "#767676", "#E6E6E6"
DPI = 120


def short(name: str, length: int) -> str:
    """Return the first of a class's names, cut to `length` characters."""
    first = name.split(",", maxsplit=1)[0]
    return first if len(first) <= length else first[: length - 1] + "…"


def save(figure: Figure, path: Path, dpi: int = DPI) -> Figure:
    """Write a figure as PNG, whole or not at all, and return it.

    Raises:
        DiskError: the disk is full, read-only, or the folder may not be written.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    write_atomically(path, buffer.getvalue())
    return figure
