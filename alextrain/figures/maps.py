"""What each convolution makes of one picture: its strongest maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from alextrain.figures.page import save, short

COLUMNS = 10  # maps of a layer


def draw_maps(
    path: Path,
    image: NDArray[np.uint8],
    name: str,
    layers: Sequence[tuple[str, NDArray[np.float32]]],
) -> Figure:
    """Draw a picture, and for each layer the maps with the highest peak, the highest first.

    Args:
        path: The PNG to write.
        image: uint8 [c, c, 3]: the part that the network saw.
        name: Of its class.
        layers: Name and maps [k, h, w] of each layer, after the ReLU. Each map is drawn on its own
            scale, from 0 (black) to its peak (white).
    """
    rows = len(layers)
    figure = Figure(figsize=(1.0 * COLUMNS + 2.6, 1.12 * rows + 0.5), layout="constrained")
    parts: Any = figure.subfigures(1, 2, width_ratios=[2.4, COLUMNS])
    left, right = parts
    axes = left.subplots()
    axes.imshow(image)
    axes.set_axis_off()
    axes.set_title(short(name, 26), fontsize=9, parse_math=False)
    grid = right.subplots(rows, COLUMNS, squeeze=False)
    right.suptitle("the maps with the highest peaks, each from 0 to its peak", fontsize=9)
    for row, (layer, maps) in enumerate(layers):
        order = np.argsort(-maps.max(axis=(1, 2)), kind="stable")[:COLUMNS]
        for column in range(COLUMNS):
            place = grid[row, column]
            place.set(xticks=[], yticks=[])
            place.set_visible(column < len(order))
            if column < len(order):
                place.imshow(maps[order[column]], cmap="gray", vmin=0, interpolation="nearest")
        height, width = maps.shape[1:]
        label = f"{layer}\n{len(maps)} of {height}x{width}"
        grid[row, 0].set_ylabel(label, fontsize=8, rotation=0, ha="right", va="center")
    return save(figure, path)
