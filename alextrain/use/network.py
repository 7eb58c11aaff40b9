"""A trained network with all that it needs, from one checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from alexprep.raw.source import shown
from alexprep.settings import PrepSettings
from alexprep.shards.manifest import Manifest
from alexprep.shards.statistics import Statistics
from alextrain.data.augment import Augmenter
from alextrain.device import Machine
from alextrain.errors import CheckpointError
from alextrain.models import build_model
from alextrain.recipes.recipe import Recipe
from alextrain.training.checkpoint import load_checkpoint, load_weights
from alextrain.training.setup import make_augmenter
from alextrain.training.snapshot import check_same_classes, recipe_of, statistics_of
from alextrain.use.weights import is_weights, read_weights

# What is said of a run beside what its network needs.
ABOUT = ("alexkit", "torch", "fingerprint", "label_order", "progress", "result")
AGAIN = "use what `alextrain fit` or `alextrain export` wrote"


@dataclass(frozen=True)
class Network:
    """A network in use: weights, how its input is made, what its outputs mean."""

    source: str  # the checkpoint's path, for messages
    recipe: Recipe
    settings: PrepSettings  # of the shards that it was trained on
    classes: list[str]  # [output] -> class folder or wnid, as text that any file can hold
    words: list[str]  # [output] -> a name for people, in one line
    statistics: Statistics  # of the train split
    about: Mapping[str, Any]  # plain values of the run: fingerprint, result, progress
    model: nn.Module  # on the machine's device, in evaluation mode
    augmenter: Augmenter
    machine: Machine

    @classmethod
    def load(cls, path: Path, machine: Machine) -> Network:
        """Read a checkpoint that `alextrain fit` wrote, or weights that `alextrain export` wrote.

        Args:
            path: A checkpoint, a .safetensors file, or a folder with model.safetensors.
            machine: Device and precision.

        Raises:
            CheckpointError: missing, damaged, of another version, or with foreign weights.
        """
        if path.suffix in (".onnx", ".pt2"):
            raise CheckpointError(
                f"{path}: is a network exported for other programs; give its checkpoint, or what "
                "`alextrain export --to safetensors` writes"
            )
        content = read_weights(path) if is_weights(path) else load_checkpoint(path)
        return cls.of(content, str(path), machine)

    @classmethod
    def of(cls, content: Mapping[str, Any], source: str, machine: Machine) -> Network:
        """Make a network of a checkpoint's content.

        Raises:
            CheckpointError: its weights are of another model or no numbers, or its other parts are
                not what `alextrain fit` writes.
        """
        recipe, settings, statistics = _parts(content, source)
        model = build_model(recipe.network, len(content["classes"]), recipe.input.crop)
        load_weights(model, content["model"], source)
        _check_finite(content["model"], source)
        model.to(machine.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(
            source=source,
            recipe=recipe,
            settings=settings,
            classes=[_as_text(name) for name in content["classes"]],
            words=[shown(words) for words in content["words"]],
            statistics=statistics,
            about={name: content[name] for name in ABOUT if name in content},
            model=model.eval(),
            augmenter=make_augmenter(recipe, statistics, machine),
            machine=machine,
        )

    def check_fits(self, manifest: Manifest) -> None:
        """Refuse shards of other classes or of another image size.

        Raises:
            CheckpointError: names what was found and expected.
        """
        theirs = replace(manifest, classes=tuple(map(_as_text, manifest.classes)))
        check_same_classes(self.classes, self.settings.size, theirs, self.source)


def _parts(content: Mapping[str, Any], source: str) -> tuple[Recipe, PrepSettings, Statistics]:
    """Return what is said beside the weights, checked: other programs can write a file too."""
    check_names(content["classes"], content["words"], source)
    try:
        settings = PrepSettings.from_dict(content["settings"])
        return recipe_of(dict(content)), settings, statistics_of(dict(content))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(
            f"{source}: its recipe, settings or statistics are not as this program writes them "
            f"({error}); {AGAIN}"
        ) from error


def check_names(classes: Any, words: Any, source: str) -> None:
    """Refuse what does not name each output once.

    Raises:
        CheckpointError: names what was found.
    """
    for names in (classes, words):
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise CheckpointError(f"{source}: its classes and words are no lists of names; {AGAIN}")
    if not len(classes) == len(words) > 0:
        raise CheckpointError(
            f"{source}: names {len(classes)} classes and {len(words)} words; {AGAIN}"
        )


def _as_text(name: str) -> str:
    """Return a class folder's name as any file can hold it: what is no UTF-8 as \\xNN."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return shown(name)
    return name


def _check_finite(weights: Mapping[str, Any], source: str) -> None:
    for name, tensor in weights.items():
        if not bool(tensor.isfinite().all()):
            raise CheckpointError(
                f"{source}: {name!r} holds what is no number (NaN or infinite): its training "
                "diverged, and every answer would be none; use an earlier checkpoint"
            )
