"""Every picture that alexprep draws. matplotlib is imported here and nowhere else."""

from __future__ import annotations

import io
import textwrap
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from alexprep.errors import ShardError
from alexprep.files import disk_errors, write_atomically
from alexprep.shards.reader import ShardReader
from alexprep.shards.statistics import Statistics
from alexprep.tables import AUTHORS_AXES_STD

_DPI = 120
_CHANNELS = ("R", "G", "B")
_COLOURS = ("#c0392b", "#27ae60", "#2c5fa8")
_GRAY = "#555555"


def draw_mean_image(statistics: Statistics, path: Path) -> None:
    """Draw the mean image as it is, and its contrast stretched so that its shape shows.

    Raises:
        DiskError: the picture cannot be written.
    """
    mean = statistics.mean_image.astype(np.float64)
    low, high = mean.min(axis=(0, 1)), mean.max(axis=(0, 1))
    stretched = (mean - low) / np.maximum(high - low, 1e-9)
    figure = Figure(figsize=(9, 5.1), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.imshow(mean / 255)
    left.set_title("as it is", fontsize=11)
    levels = " ".join(f"{level:.1f}" for level in statistics.channel_mean)
    left.set_xlabel(f"mean R G B: {levels}")
    right.imshow(stretched)
    right.set_title("each channel stretched to its own range", fontsize=11)
    ranges = [f"{name} {a:.0f} to {b:.0f}" for name, a, b in zip(_CHANNELS, low, high, strict=True)]
    right.set_xlabel(", ".join(ranges))
    height, width, _ = mean.shape
    for axes in (left, right):
        axes.set_xticks([0, width // 2, width - 1])
        axes.set_yticks([0, height // 2, height - 1])
    figure.suptitle(f"Mean of {statistics.count:,} images ({statistics.split}), in levels 0 to 255")
    _save(figure, path)


def draw_eigenbasis(statistics: Statistics, path: Path) -> None:
    """Draw the principal axes of colour: what one to three deviations along each look like.

    Raises:
        DiskError: the picture cannot be written.
    """
    figure = Figure(figsize=(9, 5.6), layout="constrained")
    grid = figure.subplots(3, 2, width_ratios=(2.2, 1))
    stds = np.sqrt(statistics.eigenvalues)
    for axis in range(3):
        ramp, bars = grid[axis]
        vector = statistics.eigenvectors[:, axis]
        places = np.linspace(-3, 3, 241)
        colours = statistics.channel_mean + places[:, None] * stds[axis] * vector
        ramp.imshow(
            np.clip(colours / 255, 0, 1)[None], aspect="auto", extent=(-3, 3, 0, 1),
            interpolation="nearest",
        )  # fmt: skip
        ramp.set_yticks([])
        ramp.set_title(
            f"axis {axis + 1}: standard deviation {stds[axis]:.1f} levels "
            f"(authors: {AUTHORS_AXES_STD[axis]:.1f})",
            fontsize=10,
            loc="left",
        )
        _draw_vector(bars, vector)
    grid[2, 0].set_xlabel("standard deviations from the mean colour")
    grid[0, 1].set_title("direction", fontsize=10, loc="left")
    figure.suptitle(f"Principal axes of colour, {statistics.count:,} images ({statistics.split})")
    _save(figure, path)


def _draw_vector(axes: Axes, vector: NDArray[np.float64]) -> None:
    axes.axhline(0, color=_GRAY, linewidth=0.8)
    axes.bar(_CHANNELS, vector, color=_COLOURS, width=0.6)
    axes.set_ylim(-1.45, 1.45)
    axes.set_yticks([-1, 0, 1])
    for place, value in enumerate(vector):
        above = value >= 0
        axes.text(
            place,
            value + (0.08 if above else -0.08),
            f"{value:.3f}",
            ha="center",
            va="bottom" if above else "top",
            fontsize=8,
        )


def draw_preview(directory: Path, path: Path, split: str = "train", count: int = 40) -> int:
    """Draw the first images of a split in a grid, each with its class above.

    Shards are permuted, so the first images are a random choice.

    Args:
        directory: A finished set of shards.
        path: The PNG to write.
        split: The split.
        count: How many images, at most.

    Returns:
        How many were drawn.

    Raises:
        ShardError: no such set or split, or the split is empty.
        DiskError: the picture cannot be written.
    """
    reader = ShardReader(directory, split)
    count = min(count, len(reader))
    if not count:
        raise ShardError(f"{directory}: {split} holds no image to show")
    columns = min(count, 8)
    rows = -(-count // columns)
    figure = Figure(figsize=(max(1.8 * columns, 4), 2.1 * rows + 0.4), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).flat
    words = reader.manifest.words
    for number, axes in enumerate(grid):
        axes.axis("off")
        if number < count:
            axes.imshow(_decoded(reader, number), interpolation="antialiased")
            label = int(reader.labels[number])
            axes.set_title(_shortened(words[label]), fontsize=9, pad=3)
    size, of = reader.size, f"{len(reader):,} of {split}"
    figure.suptitle(f"{count:,} of {of} in {directory.resolve().name}, {size}x{size}", fontsize=11)
    reader.close()
    _save(figure, path)
    return count


def _decoded(reader: ShardReader, number: int) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(reader.read(number)), formats=["JPEG", "PNG"]) as image:
        return np.asarray(image.convert("RGB"))


def _shortened(words: str) -> str:
    """Return the first name of a class, on at most two lines: "kit fox"."""
    first = words.split(",", maxsplit=1)[0]
    return "\n".join(textwrap.wrap(first, 20, max_lines=2, placeholder="...")) or words


def _save(figure: Figure, path: Path) -> None:
    buffer = io.BytesIO()
    # Without the program's version in it, the same picture is the same bytes.
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, buffer.getvalue())
