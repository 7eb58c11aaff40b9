"""Text tables: what a set of shards is, and its statistics beside well-known numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from alexprep.raw.source import shown
from alexprep.shards.manifest import FOREIGN, Manifest
from alexprep.shards.statistics import Statistics

# The authors' statistics of ILSVRC2012: cuda-convnet2, make-data/input_meta (data_mean averaged
# over the image, color_pca). Their eigenvalues are standard deviations in levels.
AUTHORS_MEAN = (127.305, 119.715, 104.913)
AUTHORS_AXES_STD = (121.78006099293066, 37.09388853298572, 19.720833049149668)
AUTHORS_AXES = np.array(
    [
        [0.5635104535, 0.7125794529, 0.4179551317],
        [0.5761843966, 0.0235416713, -0.8169806184],
        [0.5920029644, -0.7011963442, 0.3973111842],
    ]
)  # columns, rows R, G, B, largest component positive
# fb.resnet.torch, datasets/imagenet.lua: for images from 0 to 1; its eigenvalues are variances.
FB_MEAN = (0.485, 0.456, 0.406)
FB_STD = (0.229, 0.224, 0.225)
FB_VARIANCES = (0.2175, 0.0188, 0.0045)
FB_AXES = np.array(
    [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]]
)


def text_table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as columns of text, the first row underlined, the first column left-aligned."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def statistics_table(statistics: Statistics) -> str:
    """Return the statistics beside the authors' and fb.resnet's, all in levels (0 to 255)."""
    authors_std = np.sqrt((AUTHORS_AXES**2) @ np.square(AUTHORS_AXES_STD))
    axes_std = np.sqrt(statistics.eigenvalues)
    fb_axes_std = 255 * np.sqrt(FB_VARIANCES)
    rows = [
        ["levels, 0 to 255", "these shards", "authors", "fb.resnet"],
        _row("mean R G B", statistics.channel_mean, AUTHORS_MEAN, np.multiply(FB_MEAN, 255)),
        _row("std R G B", statistics.channel_std, authors_std, np.multiply(FB_STD, 255)),
        _row("std along colour axes 1 2 3", axes_std, AUTHORS_AXES_STD, fb_axes_std),
        [
            "|cosine| of axes with these",
            "",
            _triple(_cosines(statistics.eigenvectors, AUTHORS_AXES), 4),
            _triple(_cosines(statistics.eigenvectors, FB_AXES), 4),
        ],
        [  # the unit in which fb.resnet gives them
            "variance along axes, levels/255",
            _triple(statistics.eigenvalues / 255**2, 4),
            _triple(np.square(np.divide(AUTHORS_AXES_STD, 255)), 4),
            _triple(FB_VARIANCES, 4),
        ],
    ]
    height, width, _ = statistics.pixel_sum.shape
    return (
        f"{statistics.count:,} images of {statistics.split}, {width}x{height}, every pixel\n"
        f"{text_table(rows)}"
    )


def manifest_table(manifest: Manifest) -> str:
    """Return what a set of shards is: splits, sizes, settings, codec, fingerprint."""
    rows = [["split", "samples", "shards", "bytes", "skipped", "repaired", "converted"]]
    for split in manifest.splits:
        shards = manifest.of(split)
        counts = [
            sum(getattr(shard, name) for shard in shards)
            for name in ("bytes", "skipped", "repaired", "converted")
        ]
        numbers = [manifest.samples(split), len(shards), *counts]
        rows.append([split, *(f"{number:,}" for number in numbers)])
    settings = manifest.settings
    pictures = f"{settings.size}x{settings.size}, {settings.geometry}, {settings.filter}"
    if settings.exif_transpose:
        pictures += ", turned as EXIF says"
    encoding = f"JPEG, quality {settings.quality}, {settings.subsampling}"
    if manifest.layout == FOREIGN:
        pictures, encoding = f"{settings.size}x{settings.size}, made elsewhere", "JPEG"
    words = [shown(word) for word in manifest.words[:3] if word]
    facts = [
        ("classes", f"{len(manifest.classes):,} ({', '.join(words)}, ...)"),
        ("label order", manifest.label_order),
        ("raw layout", manifest.layout),
        ("pictures", f"{pictures}; {encoding if settings.format == 'jpg' else 'PNG'}"),
        ("seed", str(settings.seed)),
        ("codec", ", ".join(f"{name} {text}" for name, text in sorted(manifest.codec.items()))),
        ("fingerprint", manifest.fingerprint),
    ]
    width = max(len(name) for name, _ in facts)
    lines = [f"{name:<{width}}  {text}" for name, text in facts]
    return "\n".join([text_table(rows), "", *lines])


def _row(name: str, *triples: Sequence[float] | NDArray[np.float64]) -> list[str]:
    return [name, *(_triple(triple, 2) for triple in triples)]


def _triple(values: Sequence[float] | NDArray[np.float64], digits: int) -> str:
    return " ".join(
        f"{value:.{digits}f}".rjust(digits + 4 if digits == 2 else 0) for value in values
    )


def _cosines(mine: NDArray[np.float64], theirs: NDArray[np.float64]) -> list[float]:
    lengths = np.linalg.norm(mine, axis=0) * np.linalg.norm(theirs, axis=0)
    return [min(1.0, abs(value)) for value in (mine * theirs).sum(axis=0) / lengths]
