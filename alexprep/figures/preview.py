"""Some images of a split, each with its class."""

from __future__ import annotations

import textwrap
from pathlib import Path

from alexprep.errors import ShardError
from alexprep.figures.page import new_figure, pixels, printed, save
from alexprep.shards.reader import ShardReader


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
    figure = new_figure(max(1.8 * columns, 4), 2.1 * rows + 0.4)
    grid = figure.subplots(rows, columns, squeeze=False).flat
    words = reader.manifest.words
    for number, axes in enumerate(grid):
        axes.axis("off")
        if number < count:
            axes.imshow(pixels(reader, number), interpolation="antialiased")
            label = int(reader.labels[number])
            axes.set_title(printed(_shortened(words[label])), fontsize=9, pad=3)
    name = printed(directory.resolve().name)
    size, of = reader.size, f"{len(reader):,} of {split}"
    figure.suptitle(f"{count:,} of {of} in {name}, {size}x{size}", fontsize=11)
    reader.close()
    save(figure, path)
    return count


def _shortened(words: str) -> str:
    """Return the first name of a class, on at most two lines: "kit fox"."""
    first = words.split(",", maxsplit=1)[0]
    return "\n".join(textwrap.wrap(first, 20, max_lines=2, placeholder="...")) or words
