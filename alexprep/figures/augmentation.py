"""The colour augmentation of the paper, shown on images of the shards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from alexprep.errors import ShardError
from alexprep.figures.page import CHANNELS, new_figure, pixels, save, show
from alexprep.shards.reader import ShardReader
from alexprep.shards.statistics import Statistics

STDS = (0.1, 0.5)
_IMAGES, _SAMPLES = 3, 5


def draw_augmentation(
    reader: ShardReader, statistics: Statistics, path: Path, stds: Sequence[float] = STDS
) -> None:
    """Draw original and samples side by side, a row for each image and strength.

    One shift belongs to a whole image (Krizhevsky et al. 2012, section 4.1, with `std` as
    the authors' code has it): the sum over the axes i of alpha_i * sigma_i * p_i levels, alpha_i
    drawn from N(0, std), sigma_i the standard deviation along the axis p_i. The same draws are
    used for each strength.

    Raises:
        ShardError: the split is empty.
        DiskError: the picture cannot be written.
    """
    images = min(_IMAGES, len(reader))
    if not images:
        raise ShardError(f"{reader.folder}: {reader.split} holds no image to show")
    draws = np.random.default_rng(0).standard_normal((images, _SAMPLES, 3))
    basis = statistics.eigenvectors * np.sqrt(statistics.eigenvalues)  # columns sigma_i * p_i
    rows = images * len(stds)
    figure = new_figure(1.75 * (_SAMPLES + 1) + 0.4, 1.95 * rows + 0.7)
    grid = figure.subplots(rows, _SAMPLES + 1, squeeze=False)
    for row in range(rows):
        number, std = row // len(stds), stds[row % len(stds)]
        image = pixels(reader, number)
        show(grid[row, 0], image)
        grid[row, 0].set_ylabel(f"std {std}", fontsize=11)
        grid[row, 0].set_xlabel("original", fontsize=8)
        for column, draw in enumerate(draws[number], start=1):
            shift = basis @ (std * draw)
            show(grid[row, column], np.clip(image + shift, 0, 255).astype(np.uint8))
            text = " ".join(
                f"{name} {value:+.0f}" for name, value in zip(CHANNELS, shift, strict=True)
            )
            grid[row, column].set_xlabel(text, fontsize=8)
    sigmas = ", ".join(f"{sigma:.1f}" for sigma in np.sqrt(statistics.eigenvalues))
    figure.suptitle(
        "Colour augmentation: a shift of the whole image along the axes of colour, in levels\n"
        f"standard deviations along the axes {sigmas} levels, each times a draw from N(0, std)",
        fontsize=11,
    )
    save(figure, path)
