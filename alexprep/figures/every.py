"""All pictures of a set of shards, each under its name in SHARDS/figures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from alexprep.figures.augmentation import draw_augmentation
from alexprep.figures.eigenbasis import draw_eigenbasis
from alexprep.figures.histograms import draw_histograms
from alexprep.figures.mean import draw_mean_image
from alexprep.figures.odd import draw_odd_files
from alexprep.figures.preview import draw_preview
from alexprep.shards.manifest import Manifest
from alexprep.shards.reader import ShardReader
from alexprep.shards.statistics import STATISTICS, Statistics

FIGURES = "figures"


def draw_statistics(directory: Path, statistics: Statistics) -> Iterator[Path]:
    """Draw what belongs to the statistics; yield each picture once it is written.

    Raises:
        ShardError: the shards were changed.
        DiskError: a picture cannot be written.
    """
    folder = directory / FIGURES
    draw_mean_image(statistics, folder / "mean.png")
    yield folder / "mean.png"
    draw_eigenbasis(statistics, folder / "eigenbasis.png")
    yield folder / "eigenbasis.png"
    reader = ShardReader(directory, statistics.split.split("+")[0])
    draw_augmentation(reader, statistics, folder / "augmentation.png")
    yield folder / "augmentation.png"
    draw_histograms(reader, folder / "histograms.png")
    yield folder / "histograms.png"
    reader.close()


def draw_every(directory: Path) -> Iterator[Path]:
    """Draw all that there is to draw; yield each picture once it is written.

    Raises:
        ShardError: no finished set, or one that was changed.
        StatisticsError: it has no statistics, or those of other shards.
        DiskError: a picture cannot be written.
    """
    manifest = Manifest.load(directory)
    statistics = Statistics.load(directory / STATISTICS, manifest.fingerprint)
    yield from draw_statistics(directory, statistics)
    for split in manifest.splits:
        if manifest.samples(split):
            path = directory / FIGURES / f"preview-{split}.png"
            draw_preview(directory, path, split)
            yield path
    path = directory / FIGURES / "odd.png"
    if draw_odd_files(directory, path):
        yield path
