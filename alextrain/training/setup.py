"""Make what a run trains, and say what it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from alexprep.shards.statistics import Statistics
from alextrain.data.augment import Augmenter
from alextrain.data.cache import free_for
from alextrain.data.draws import Augmentation
from alextrain.device import Machine
from alextrain.models import AlexNet, build_model
from alextrain.models.init import initialise
from alextrain.ranks import ALONE, Ranks, processes_here
from alextrain.recipes.recipe import Recipe
from alextrain.training.gradients import refuse_batch_norm
from alextrain.training.loop import Trainer
from alextrain.training.optimiser import make_optimiser
from alextrain.training.recompute import Recomputed
from alextrain.training.room import check_room_for_weights
from alextrain.training.sets import Sets


def make_model(recipe: Recipe, classes: int) -> AlexNet:
    """Build and initialise a recipe's net on the CPU: the same weights on any machine.

    Raises:
        RecipeError: the net cannot take the crop.
    """
    model = build_model(recipe.network, classes, recipe.input.crop)
    initialise(model, recipe.network, recipe.seed)
    return model


def make_augmenter(recipe: Recipe, statistics: Statistics, machine: Machine) -> Augmenter:
    """Make what turns stored images into the network's input.

    Raises:
        RecipeError: crops that no image has.
    """
    given = recipe.input
    augmentation = Augmentation(
        crop=given.crop,
        flip=given.flip,
        crops=given.crops,
        scale=given.scale,
        ratio=given.ratio,
        colour=given.colour,
        colour_scale=given.colour_scale,
        colour_divides=given.colour_divides,
        crops_shared=given.crops_shared,
        distortions=recipe.distortions,
    )
    augmentation.check(len(statistics.pixel_sum))
    return Augmenter.of(augmentation, statistics, given.normalise, machine.device)


@dataclass(frozen=True)
class Memory:
    """What saves memory and changes nothing else."""

    part: int | None = None  # most images to compute at a time; None: all of a batch
    recompute: bool = False  # convolutional maps, in the backward pass: see recompute.py

    def check(self, model: nn.Module) -> None:
        """Check that it goes with a model.

        Raises:
            RecipeError: the model has batch normalisation.
        """
        if self.part is not None:
            refuse_batch_norm(model, "--micro-batch")
        if self.recompute:
            refuse_batch_norm(model, "--recompute")


def make_trainer(
    recipe: Recipe,
    machine: Machine,
    classes: int,
    compiled: bool,
    ranks: Ranks = ALONE,
    memory: Memory = Memory(),
) -> Trainer:
    """Make model and optimiser on the machine's device.

    channels_last is what tensor cores and oneDNN want; cuDNN's benchmark mode chooses the fastest
    algorithm for the one shape that training uses.

    Raises:
        RecipeError: the net cannot take the crop, or what saves memory.
        DeviceError: there is no room for the weights.
    """
    with torch.device("meta"):  # shapes alone
        shapes = build_model(recipe.network, classes, recipe.input.crop)
    weights = sum(part.numel() for part in shapes.parameters())
    check_room_for_weights(weights, free_for(machine.device, processes_here()))
    model = make_model(recipe, classes)
    memory.check(model)
    model.to(machine.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if machine.device.type == "cuda":
        torch.backends.cudnn.benchmark = True
    forward = Recomputed(model) if memory.recompute else model
    called = torch.compile(forward) if compiled else forward
    apart = bool(recipe.schedule.conv1_drop or recipe.schedule.conv1_freeze)
    optimiser = make_optimiser(model, recipe.optimiser, conv1_apart=apart)
    return Trainer(model, optimiser, recipe, machine, called, ranks, memory.part)


def banner(folder: Path, sets: Sets, trainer: Trainer, machine: Machine) -> list[str]:
    """Return the lines that say what is about to happen."""
    recipe, manifest = trainer.recipe, sets.manifest
    parameters = sum(weights.numel() for weights in trainer.model.parameters())
    network = recipe.network
    validated = (
        f"{len(sets.validation.numbers):,} to validate on ({sets.validation.name})"
        if sets.validation is not None
        else "none to validate on"
    )
    return [
        f"Device:   {machine.describe()}" + _shared_by(trainer.ranks),
        (
            f"Shards:   {sets.train_samples:,} images to train on, {validated}, "
            f"{len(manifest.classes):,} classes, size {manifest.settings.size}, "
            f"fingerprint {manifest.fingerprint[:16]}"
        ),
        (
            f"Recipe:   {recipe.name}: model {network.model}, width {network.width:g}, "
            f"{parameters:,} parameters, crop {recipe.input.crop}, batch {recipe.batch_size}, "
            f"{recipe.epochs} epoch{'' if recipe.epochs == 1 else 's'}, "
            f"rate {recipe.optimiser.lr:g}, seed {recipe.seed}"
        ),
        *(f"Note:     {note}" for note in sets.notes),
        f"Run:      {folder}",
    ]


def _shared_by(ranks: Ranks) -> str:
    return "" if ranks.count == 1 else f"; {ranks.count} processes share each batch"
