"""Where in a picture the evidence for its first guess lies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from alextrain.figures.page import save, short

COLUMNS = 4  # pictures side by side, each above its heat


def draw_gradcam(
    path: Path,
    images: NDArray[np.uint8],
    heats: NDArray[np.float32],
    guesses: Sequence[str],
    probabilities: Sequence[float],
    truths: Sequence[str],
) -> Figure:
    """Draw pictures, and below each the same with what speaks for its first guess in colour.

    Args:
        path: The PNG to write.
        images: uint8 [n, c, c, 3]: the part that the network saw.
        heats: float32 [n, h, w] from 0 to 1; drawn over the picture, bilinear between its points.
        guesses: The first guess of each.
        probabilities: Of the guesses.
        truths: The true class of each.
    """
    columns = min(COLUMNS, len(images))
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(2.2 * columns, 4.9 * rows + 0.4), layout="constrained")
    figure.suptitle(
        "Red: what speaks most for the guess, in each picture (Grad-CAM, last convolution)",
        fontsize=9,
    )
    grid = figure.subplots(2 * rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    side = images.shape[1]
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        above, below = grid[2 * row, column], grid[2 * row + 1, column]
        above.imshow(image)
        above.set_title(short(truths[number], 24), fontsize=9, parse_math=False)
        below.imshow(image.mean(axis=2), cmap="gray", vmin=0, vmax=255)
        heat = heats[number]
        below.imshow(
            heat,
            cmap="turbo",
            vmin=0,
            vmax=1,
            alpha=0.25 + 0.5 * heat,
            extent=(-0.5, side - 0.5, side - 0.5, -0.5),
            interpolation="bilinear",
        )
        guess = f"{short(guesses[number], 18)} {probabilities[number]:.0%}"
        below.set_title(f"guess: {guess}", fontsize=9, parse_math=False)
    return save(figure, path)
