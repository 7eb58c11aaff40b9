"""A contact sheet of the files that were skipped, repaired or converted."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from itertools import chain, zip_longest
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from alexprep.figures.page import GRAY, new_figure, pixels, printed, save, show
from alexprep.records.report import CONVERTED, REPAIRED, SKIPPED, Outcome, Report
from alexprep.shards.manifest import Manifest
from alexprep.shards.reader import ShardReader

_COLUMNS = 6
_FILES = 36
_WIDTH = 28  # letters under a picture
_EDGES = {SKIPPED: "#c0392b", REPAIRED: "#d68910", CONVERTED: "#2c5fa8"}


def draw_odd_files(directory: Path, path: Path, files: int = _FILES) -> int:
    """Draw the odd files as they are stored, with name and reason under each.

    A file that was skipped has no picture. Where there are too many, each kind (what was done,
    and why) is shown in turn.

    Args:
        directory: A finished set of shards.
        path: The PNG to write; nothing is written where there is no odd file.
        files: How many, at most.

    Returns:
        How many were drawn.

    Raises:
        ShardError: no such set, or its report is damaged.
        DiskError: the picture cannot be written.
    """
    outcomes = Report.load(directory).outcomes
    if not outcomes:
        return 0
    chosen = _choose(outcomes, files)
    stored = dict(_stored(directory, chosen))
    columns = min(_COLUMNS, max(3, len(chosen)))
    rows = -(-len(chosen) // columns)
    figure = new_figure(2.1 * columns, 2.75 * rows + 0.6)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[len(chosen) :]:
        axes.axis("off")
    for axes, outcome in zip(grid.flat, chosen, strict=False):
        _draw(axes, outcome, stored.get(outcome.sha256))
    of = f" of {len(outcomes):,}" if len(outcomes) > len(chosen) else ""
    name = printed(directory.resolve().name)
    figure.suptitle(
        f"{len(chosen):,}{of} files of {name} that were not taken as they are",
        fontsize=11,
    )
    save(figure, path)
    return len(chosen)


def _choose(outcomes: tuple[Outcome, ...], files: int) -> list[Outcome]:
    """Take from each kind in turn; return them kind by kind, skipped ones first."""
    kinds: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        kinds.setdefault((outcome.done, outcome.what), []).append(outcome)
    turns = chain.from_iterable(zip_longest(*kinds.values()))
    chosen = [outcome for outcome in turns if outcome is not None][:files]
    order = list(_EDGES)
    return sorted(chosen, key=lambda found: (order.index(found.done), found.what, found.file))


def _stored(directory: Path, wanted: list[Outcome]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield SHA-256 of the raw file and stored image, of those that are in the shards."""
    for split in Manifest.load(directory).splits:
        reader = ShardReader(directory, split)
        hashes = {outcome.sha256 for outcome in wanted if outcome.split == split}
        for number, digest in enumerate(reader.index.source_hashes):
            if (text := digest.tobytes().hex()) in hashes:
                yield text, pixels(reader, number)
        reader.close()


def _draw(axes: Axes, outcome: Outcome, image: NDArray[np.uint8] | None) -> None:
    if image is None or outcome.done == SKIPPED:
        image = np.full((8, 8, 3), 238, np.uint8)
        axes.text(3.5, 3.5, "no picture", ha="center", va="center", color=GRAY, fontsize=9)
    show(axes, image)
    edge = Rectangle((0, 0), 1, 1, transform=axes.transAxes, fill=False, clip_on=False)
    edge.set(edgecolor=_EDGES[outcome.done], linewidth=2)
    axes.add_patch(edge)
    name = outcome.file.rpartition("/")[2]
    reason = textwrap.wrap(f"{outcome.done}: {outcome.what}", _WIDTH, max_lines=3)
    axes.set_xlabel("\n".join(map(printed, [_short(name), *reason])), fontsize=7.5)


def _short(name: str) -> str:
    """Return a name that is too long with its middle left out."""
    if len(name) <= _WIDTH:
        return name
    half = (_WIDTH - 3) // 2
    return f"{name[:half]}...{name[-half:]}"
