"""A run that begins with weights of others: of a checkpoint, or of torchvision's alexnet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from alextrain.errors import CheckpointError
from alextrain.models.exchange import from_torchvision
from alextrain.training.checkpoint import load_checkpoint, load_weights, read_plain
from alextrain.training.loop import Trainer
from alextrain.training.snapshot import recipe_of

__all__ = ["adopt_weights", "begin_with", "read_start"]


def begin_with(path: Path, trainer: Trainer, classes: Sequence[str]) -> str:
    """Begin a run with weights of others, their average too, where the recipe keeps one.

    Args:
        path: See `read_start`.
        trainer: Of the new run.
        classes: That it is to know, in the order of its outputs.

    Returns:
        A sentence that says what was taken.

    Raises:
        CheckpointError: missing, damaged, with a pickled object in it, or of another model.
    """
    taken = adopt_weights(trainer.model, read_start(path), classes, str(path))
    trainer.begin_average()
    return taken


def read_start(path: Path) -> dict[str, Any]:
    """Read the weights to start from.

    Args:
        path: A checkpoint that `alextrain fit` wrote, or the state of torchvision's alexnet
            (alexnet-owt-7be5be79.pth, or what torch.save wrote of `alexnet().state_dict()`).

    Returns:
        A checkpoint's content; of torchvision's state its "model" and "classes" alone.

    Raises:
        CheckpointError: missing, damaged, with a pickled object in it, or of another model.
    """
    content = read_plain(path)
    if "features.0.weight" not in content:
        return load_checkpoint(path)
    weights = from_torchvision(content)
    classes = len(weights["classifier.fc8.bias"])
    return {"model": weights, "classes": [str(number) for number in range(classes)]}


def adopt_weights(
    model: nn.Module, content: dict[str, Any], classes: Sequence[str], source: str
) -> str:
    """Start a model from the weights of another run; with other classes its last layer stays new.

    Args:
        model: Takes the weights.
        content: As `read_start` gives it.
        classes: That the model is to know, in the order of its outputs.
        source: Where the weights come from, for messages.

    Returns:
        A sentence that says what was taken.

    Raises:
        CheckpointError: the checkpoint is of another model.
    """
    weights, own = dict(content["model"]), model.state_dict()
    head = [name for name in own if name.startswith("classifier.fc8.")]
    # torchvision's weights name no classes: as many as ours are taken for ours.
    others = "recipe" in content and list(content["classes"]) != list(classes)
    resized = any(weights[n].shape != own[n].shape for n in head if n in weights)
    if anew := others or resized:
        weights |= {name: own[name] for name in head}
    try:
        load_weights(model, weights, source)
    except CheckpointError as error:
        raise CheckpointError(f"{error}{_trained_with(content)}") from None
    if anew:
        return (
            f"weights of {source}; the last layer is new, because that run knows "
            f"{_other_classes(content['classes'], classes)}"
        )
    return f"weights of {source}"


def _other_classes(theirs: Sequence[str], ours: Sequence[str]) -> str:
    if len(theirs) != len(ours):
        return f"{len(theirs):,} classes"
    its, own = next((a, b) for a, b in zip(theirs, ours, strict=True) if a != b)
    return f"other classes ({its!r} where the shards have {own!r})"


def _trained_with(content: dict[str, Any]) -> str:
    if "recipe" not in content:
        return "; --model torchvision takes torchvision's weights"
    recipe = recipe_of(content)
    return (
        f"; its run had --model {recipe.network.model} --width {recipe.network.width:g} "
        f"--crop {recipe.input.crop}"
    )
