"""Short trainings on the CPU for lessons.py, with room to make a mistake in each part."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from alexprep.shards.reader import ShardReader
from alexprep.shards.statistics import STATISTICS, Statistics
from alextrain.data.draws import draw_batch
from alextrain.data.loader import Loader
from alextrain.data.order import epoch_order
from alextrain.device import choose_machine
from alextrain.recipes.recipe import Recipe, load_recipe
from alextrain.training.loop import Trainer
from alextrain.training.metrics import Counts, Tally
from alextrain.training.optimiser import make_optimiser
from alextrain.training.schedule import rates
from alextrain.training.setup import make_augmenter, make_model

EPOCHS, BATCH, WIDTH, CROP, SEED = 2, 64, 0.25, 143, 0
LAST = 50  # steps whose mean loss is given


@dataclass
class Trained:
    """What a training left."""

    recipe: Recipe
    model: nn.Module
    losses: list[float]  # of each step
    val: Counts
    states: list[dict[str, Tensor]] = field(default_factory=list)  # weights after each epoch

    @property
    def loss(self) -> float:
        """Mean training loss of the last steps; what a diverged run has is no number."""
        return math.fsum(self.losses[-LAST:]) / LAST

    def __str__(self) -> str:
        return f"loss {self.loss:.3f}, val error {self.val.top1_error:.1%}"


class Lab:
    """The shards, opened once."""

    def __init__(self, shards: Path) -> None:
        self.train_set, self.val_set = ShardReader(shards, "train"), ShardReader(shards, "val")
        manifest = self.train_set.manifest
        self.statistics = Statistics.load(shards / STATISTICS, manifest.fingerprint)
        self.classes, self.settings = manifest.classes, manifest.settings
        self.machine = choose_machine("cpu")

    def recipe(self, name: str, **changes: object) -> Recipe:
        """Return a recipe at the scale of this file, with changes."""
        small = {"epochs": EPOCHS, "batch_size": BATCH, "width": WIDTH, "crop": CROP, "seed": SEED}
        return load_recipe(name, small | changes)

    def train(
        self,
        recipe: Recipe,
        *,
        alter: Callable[[nn.Module], None] | None = None,
        wrap: Callable[[nn.Module], object] | None = None,
        order: Callable[[int], NDArray[np.int64]] | None = None,
        weights: dict[str, Tensor] | None = None,
    ) -> Trained:
        """Train from the first step on.

        Args:
            recipe: All settings.
            alter: Changes the model before the first step.
            wrap: Makes what is called for logits of the model.
            order: Of the samples in an epoch; None: the program's.
            weights: To start from.
        """
        model = make_model(recipe, len(self.classes))
        if alter:
            alter(model)
        if weights:
            model.load_state_dict(weights)
        model.to(memory_format=torch.channels_last)
        optimiser = make_optimiser(model, recipe.optimiser)
        called = wrap(model) if wrap else None
        trainer = Trainer(model, optimiser, recipe, self.machine, called)
        trained = Trained(recipe, model, [], Counts(0, 0, 0, 5, 0.0))
        for epoch in range(recipe.epochs):
            numbers = order(epoch) if order else self.order(recipe.seed, epoch)
            self._epoch(trainer, trained, epoch, numbers)
            trained.states.append({k: v.clone() for k, v in model.state_dict().items()})
        trained.val = self.evaluate(trained)
        return trained

    def order(self, seed: int, epoch: int) -> NDArray[np.int64]:
        """Return the program's own order of an epoch."""
        return epoch_order(seed, epoch, self.train_set.shard_sizes)

    def _epoch(
        self, trainer: Trainer, trained: Trained, epoch: int, numbers: NDArray[np.int64]
    ) -> None:
        recipe, tally = trained.recipe, Tally()
        augmenter = make_augmenter(recipe, self.statistics, self.machine)
        size, seen = self.train_set.size, 0
        steps = math.ceil(len(numbers) / recipe.batch_size)
        loader = Loader(self.train_set, recipe.batch_size, 1)
        trainer.model.train()
        for batch in loader.batches(numbers):
            count = len(batch.labels)
            draws = draw_batch(augmenter.augmentation, size, recipe.seed, epoch, seen, count)
            now = rates(recipe, trainer.progress.step, steps)
            images = augmenter(batch.images, draws)
            loss = trainer.step(images, batch.labels, count, now, tally)
            trainer.progress.step += 1
            seen += count
            trained.losses.append(loss.item())
        loader.close()

    def evaluate(
        self,
        trained: Trained,
        *,
        see: Callable[[Tensor], Tensor] = lambda images: images,
        change: Callable[[Tensor], Tensor] = lambda inputs: inputs,
        numbers: NDArray[np.int64] | None = None,
        training: bool = False,
        drawn: int | None = None,
        hear: Callable[[Tensor, Tensor], None] | None = None,
    ) -> Counts:
        """Count right answers on the validation split.

        Args:
            trained: Whose model.
            see: Changes the uint8 squares before they are made the network's input.
            change: Changes the network's input.
            numbers: The samples in their order; None: all in the split's order.
            training: Leave the model in training mode; its running statistics move.
            drawn: Random crops of this seed in place of the centre.
            hear: Gets the logits and labels of each batch.
        """
        every = np.arange(len(self.val_set)) if numbers is None else numbers
        augmenter = make_augmenter(trained.recipe, self.statistics, self.machine)
        loader, tally, seen = Loader(self.val_set, BATCH, 1), Tally(), 0
        model = trained.model
        model.train(training)
        with torch.no_grad():
            for batch in loader.batches(every):
                images = see(batch.images)
                inputs = next(augmenter.views(images))
                if drawn is not None:
                    size, count = self.val_set.size, len(batch.labels)
                    draws = draw_batch(augmenter.augmentation, size, drawn, 0, seen, count)
                    inputs = augmenter(images, draws)
                logits = model(change(inputs))
                tally.add(logits, batch.labels)
                if hear:
                    hear(logits, batch.labels)
                seen += len(batch.labels)
        loader.close()
        return tally.result()


def without_biases(model: nn.Module) -> None:
    """Set every bias to 0."""
    for name, values in model.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(values)


def without_relus(model: nn.Module) -> None:
    """Take the ReLUs between the full layers."""
    for name in ("relu6", "relu7"):
        setattr(model.classifier, name, nn.Identity())


def dropout_first(model: nn.Module) -> None:
    """Put each dropout before its layer."""
    layers = dict(model.classifier.named_children())
    order = ["drop6", "fc6", "relu6", "drop7", "fc7", "relu7", "fc8"]
    model.classifier = nn.Sequential(OrderedDict((name, layers[name]) for name in order))


def with_softmax(model: nn.Module) -> Callable[[Tensor], Tensor]:
    """Return the model with a softmax that the loss will take once more."""
    return lambda images: model(images).softmax(1)


def by_255(inputs: Tensor) -> Tensor:
    """Return what a network sees of images in 0 to 1 where it expects levels."""
    return inputs / 255
