"""A trained network with all that it needs, from one checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from alexprep.settings import PrepSettings
from alexprep.shards.manifest import Manifest
from alextrain.augment import Augmenter
from alextrain.checkpoint import load_checkpoint, load_weights
from alextrain.device import Machine
from alextrain.models import build_model
from alextrain.recipe import Recipe
from alextrain.setup import make_augmenter
from alextrain.snapshot import check_same_classes, recipe_of, statistics_of


@dataclass(frozen=True)
class Network:
    """A network in use: weights, how its input is made, what its outputs mean."""

    source: str  # the checkpoint's path, for messages
    recipe: Recipe
    settings: PrepSettings  # of the shards that it was trained on
    classes: list[str]  # [output] -> class folder or wnid
    words: list[str]  # [output] -> a name for people
    model: nn.Module  # on the machine's device, in evaluation mode
    augmenter: Augmenter
    machine: Machine

    @classmethod
    def load(cls, path: Path, machine: Machine) -> Network:
        """Read a checkpoint that `alextrain fit` wrote.

        Raises:
            CheckpointError: missing, damaged, of another version, or with foreign weights.
        """
        content = load_checkpoint(path)
        recipe = recipe_of(content)
        model = build_model(recipe.network, len(content["classes"]), recipe.input.crop)
        load_weights(model, content["model"], str(path))
        model.to(machine.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(
            source=str(path),
            recipe=recipe,
            settings=PrepSettings.from_dict(content["settings"]),
            classes=content["classes"],
            words=content["words"],
            model=model.eval(),
            augmenter=make_augmenter(recipe, statistics_of(content), machine),
            machine=machine,
        )

    def check_fits(self, manifest: Manifest) -> None:
        """Refuse shards of other classes or of another image size.

        Raises:
            CheckpointError: names what was found and expected.
        """
        check_same_classes(self.classes, self.settings.size, manifest, self.source)
