"""What the network is fed with: this process's share of each batch of an epoch, augmented."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from alextrain.data.augment import Augmenter
from alextrain.data.draws import draw_batch
from alextrain.data.mixing import mix, with_partners
from alextrain.data.transfer import to_device
from alextrain.ranks import Ranks
from alextrain.recipes.recipe import Recipe
from alextrain.training.loop import Progress
from alextrain.training.sets import Sets


@dataclass(frozen=True)
class Feed:
    """The batches of a run. They depend on (seed, epoch, position), never on who takes them."""

    sets: Sets
    recipe: Recipe
    augmenter: Augmenter
    device: torch.device
    ranks: Ranks

    def batches(self, progress: Progress) -> Generator[tuple[Tensor, Tensor]]:
        """Yield what is left of an epoch.

        Yields:
            Images float32 [n, 3, c, c] and labels int64 [n] on the device, for each batch this
            process's share of it: n is 0 where there are fewer samples than processes. Where the
            recipe mixes images, float32 [n, classes] for the labels: see mixing.py.
        """
        recipe, epoch = self.recipe, progress.epoch
        order = self.sets.order(recipe, epoch)
        size = self.sets.manifest.settings.size
        shift = not recipe.input.colour_epochs or epoch < recipe.input.colour_epochs
        places = list(self._places(progress.seen, len(order)))
        loaded = places
        if recipe.distortions.mixes:
            loaded = [with_partners(place, len(order)) for place in places]
        parts = [order[each.start : each.stop] for each in loaded]
        for place, each, batch in zip(places, loaded, self.sets.train.parts(parts), strict=True):
            draws = draw_batch(
                self.augmenter.augmentation, size, recipe.seed, epoch, each.start, len(each)
            )
            images, labels, moved = to_device(batch, draws, self.device)
            assert moved is not None
            if len(place):
                images = self.augmenter(images, moved, shift=shift)
            if recipe.distortions.mixes:
                classes = len(self.sets.manifest.classes)
                own = slice(place.start - each.start, place.stop - each.start)
                images, labels = (x[own] for x in mix(images, labels, moved, classes))
            yield images, labels

    def _places(self, seen: int, samples: int) -> Generator[range]:
        """Yield the positions in the epoch that are this process's, batch by batch."""
        for start in range(seen, samples, self.recipe.batch_size):
            batch = range(start, min(start + self.recipe.batch_size, samples))
            yield batch[self.ranks.share(len(batch))]
