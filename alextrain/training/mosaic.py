"""Pictures side by side in one: the kernels of a layer, the images of a batch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

COLUMNS = 16  # kernels side by side, as in the paper's Figure 3


def kernel_tiles(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the kernels of a first layer as pictures, each on its own scale.

    Args:
        weight: [k, 3, h, w], of an RGB input.

    Returns:
        float32 [k, h, w, 3] in 0..1. Zero is middle grey, the strongest weight of each kernel the
        end of the scale.
    """
    strongest = np.abs(weight).max(axis=(1, 2, 3), keepdims=True)
    scaled = np.float32(0.5) + weight / np.where(strongest > 0, 2 * strongest, 1)
    tiles: NDArray[np.float32] = scaled.transpose(0, 2, 3, 1).astype(np.float32)
    return tiles


def mosaic(tiles: NDArray[np.float32], columns: int) -> NDArray[np.float32]:
    """Lay tiles [n, h, w, 3] in 0..1 out in rows of `columns`, one white pixel between them."""
    count, height, width, _ = tiles.shape
    rows = -(-count // columns)
    sheet = np.ones((rows * (height + 1) - 1, columns * (width + 1) - 1, 3), np.float32)
    for number, tile in enumerate(tiles):
        top, left = number // columns * (height + 1), number % columns * (width + 1)
        sheet[top : top + height, left : left + width] = tile
    return sheet
