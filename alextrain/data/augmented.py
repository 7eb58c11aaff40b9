"""The batches of an epoch as a network takes them: loaded, moved, augmented, mixed."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from alextrain.data.ahead import BatchLoader
from alextrain.data.augment import Augmenter
from alextrain.data.draws import draw_batch
from alextrain.data.mixing import mix, with_partners
from alextrain.data.transfer import to_device


def augmented(  # noqa: PLR0913  # each is a part of what a batch is
    loader: BatchLoader,
    order: NDArray[np.int64],
    places: Sequence[range],
    augmenter: Augmenter,
    *,
    seed: int,
    epoch: int,
    classes: int,
    shift: bool = True,
) -> Generator[tuple[Tensor, Tensor]]:
    """Yield a batch for each of these runs of positions in an epoch; a run may be empty.

    Args:
        loader: Of the split.
        order: Sample numbers of the whole epoch, int64 [samples].
        places: Which positions of `order` a batch has.
        augmenter: Augments, on its device.
        seed: Of the run; draws depend on (seed, epoch, position) alone.
        epoch: From 0.
        classes: Their number, for the labels of mixtures.
        shift: Whether colours are shifted.

    Yields:
        Images float32 [n, 3, c, c] and labels int64 [n], of mixed images float32 [n, classes].

    Raises:
        ShardError: a sample cannot be read or decoded.
        RecipeError: the crop does not fit into the images.
    """
    augmentation, loaded = augmenter.augmentation, places
    if augmentation.distortions.mixes:
        loaded = [with_partners(place, len(order)) for place in places]
    parts = [order[each.start : each.stop] for each in loaded]
    for place, each, batch in zip(places, loaded, loader.parts(parts), strict=True):
        size = batch.images.shape[1]
        draws = draw_batch(augmentation, size, seed, epoch, each.start, len(each))
        images, labels, moved = to_device(batch, draws, augmenter.device)
        assert moved is not None
        if len(place):
            images = augmenter(images, moved, shift=shift)
        if augmentation.distortions.mixes:
            own = slice(place.start - each.start, place.stop - each.start)
            images, labels = (x[own] for x in mix(images, labels, moved, classes))
        yield images, labels
