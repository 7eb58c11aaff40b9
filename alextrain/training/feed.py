"""What the network is fed with: this process's share of each batch of an epoch, augmented."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from torch import Tensor

from alextrain.data.augment import Augmenter
from alextrain.data.augmented import augmented
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
    ranks: Ranks

    def batches(self, progress: Progress) -> Generator[tuple[Tensor, Tensor]]:
        """Yield what is left of an epoch.

        Yields:
            Images float32 [n, 3, c, c] and labels int64 [n] on the augmenter's device, for each
            batch this process's share of it: n is 0 where there are fewer samples than processes.
            Where the recipe mixes images, float32 [n, classes] for the labels: see mixing.py.
        """
        recipe, epoch = self.recipe, progress.epoch
        order = self.sets.order(recipe, epoch)
        yield from augmented(
            self.sets.train,
            order,
            list(self._places(progress.seen, len(order))),
            self.augmenter,
            seed=recipe.seed,
            epoch=epoch,
            classes=len(self.sets.manifest.classes),
            shift=not recipe.input.colour_epochs or epoch < recipe.input.colour_epochs,
        )

    def _places(self, seen: int, samples: int) -> Generator[range]:
        """Yield the positions in the epoch that are this process's, batch by batch."""
        for start in range(seen, samples, self.recipe.batch_size):
            batch = range(start, min(start + self.recipe.batch_size, samples))
            yield batch[self.ranks.share(len(batch))]
