"""The batches of a split for any model: one function, exact and seekable."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from alexprep.shards.reader import ShardReader
from alexprep.shards.statistics import STATISTICS, Statistics
from alextrain.data.augment import Augmenter
from alextrain.data.augmented import augmented
from alextrain.data.draws import Augmentation
from alextrain.data.loader import Loader
from alextrain.data.order import epoch_order
from alextrain.data.transfer import to_device


def batches(  # noqa: PLR0913  # each is a part of what a batch is
    shards: str | Path,
    split: str = "train",
    batch_size: int = 128,
    *,
    augmentation: Augmentation | None = None,
    epoch: int = 0,
    seen: int = 0,
    seed: int = 0,
    shuffle: bool = True,
    device: str = "cpu",
    threads: int | None = None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the batches of one epoch: each sample once, the last batch has what is left.

    They depend on (seed, epoch, position) alone. An epoch that was left after `seen` samples, a
    multiple of `batch_size`, goes on with exactly the batches that were still to come.

    Args:
        shards: The folder.
        split: "train", "val", or another split.
        batch_size: Samples in a batch.
        augmentation: Crops, mirroring and colours; None: the images as they are.
        epoch: From 0; another order and other draws in each.
        seen: Samples of this epoch that have been seen.
        seed: Of the run.
        shuffle: False: in the order of the split.
        device: Where the batches are wanted.
        threads: How many decode; None: chosen for the machine.

    Yields:
        Images and labels int64 [n] (with mixup or cutmix shares of the classes float32 [n,
        classes]). Images are uint8 [n, S, S, 3], RGB levels; with an augmentation float32 [n, 3,
        crop, crop], levels minus the train split's channel means, divided by their standard
        deviations.

    Raises:
        ShardError: the shards are missing, changed or damaged.
        StatisticsError: an augmentation needs `alexprep stats` first.
        RecipeError: the crop does not fit.
    """
    place, folder = torch.device(device), Path(shards)
    reader = ShardReader(folder, split)
    augmenter: Augmenter | None = None
    if augmentation is not None:
        augmentation.check(reader.size)
        statistics = Statistics.load(folder / STATISTICS, reader.manifest.fingerprint)
        augmenter = Augmenter.of(augmentation, statistics, "mean-std", place)
    order = epoch_order(seed, epoch, reader.shard_sizes) if shuffle else np.arange(len(reader))
    total, classes = len(order), len(reader.manifest.classes)
    places = [range(i, min(i + batch_size, total)) for i in range(seen, total, batch_size)]
    loader = Loader(reader, batch_size, threads, pin=place.type == "cuda")
    try:
        if augmenter is None:
            for batch in loader.batches(order[seen:]):
                images, labels, _ = to_device(batch, None, place)
                yield images, labels
        else:
            yield from augmented(
                loader, order, places, augmenter, seed=seed, epoch=epoch, classes=classes
            )
    finally:
        loader.close()
        reader.close()
