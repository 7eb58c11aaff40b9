"""Between a run and its checkpoint: what is saved, and how it is put back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from alexprep.shards.manifest import Manifest
from alexprep.shards.statistics import Statistics
from alextrain.errors import CheckpointError, RecipeError
from alextrain.recipes.recipe import Recipe
from alextrain.training.checkpoint import load_weights
from alextrain.training.loop import Progress, Trainer
from alextrain.training.metrics import Tally
from alextrain.version import __version__


def pack(
    trainer: Trainer, manifest: Manifest, statistics: Statistics, tally: Tally
) -> dict[str, Any]:
    """Return everything that continuing or predicting needs, as tensors and plain values.

    There is no random state to save: draws and dropout are functions of (seed, epoch, position)
    and of (seed, step). "model" holds the weights to use: with averaging these are the averaged
    ones, and "raw" those that training goes on from.
    """
    raw = {} if trainer.average is None else {"raw": dict(trainer.model.state_dict())}
    return raw | {
        "alexkit": __version__,
        "torch": str(torch.__version__),
        "recipe": trainer.recipe.to_dict(),
        "settings": manifest.settings.to_dict(),
        "fingerprint": manifest.fingerprint,
        "classes": list(manifest.classes),
        "words": list(manifest.words),
        "label_order": manifest.label_order,
        "statistics": _pack_statistics(statistics),
        "model": dict(trainer.result.state_dict()),
        "optimiser": trainer.optimiser.state_dict(),
        "scaler": trainer.scaler.state_dict(),
        "progress": trainer.progress.to_dict(),
        "tally": tally.to_dict(),
        "clipped": int(trainer.clipped),
    }


def unpack(content: dict[str, Any], trainer: Trainer, tally: Tally, source: str) -> None:
    """Put a run back to where its checkpoint was written.

    Raises:
        CheckpointError: the checkpoint is of another model.
    """
    load_weights(trainer.result, content["model"], source)
    try:
        if trainer.average is not None:
            load_weights(trainer.model, content["raw"], source)
        trainer.clipped.fill_(content["clipped"])
        trainer.optimiser.load_state_dict(content["optimiser"])
        if content["scaler"]:
            trainer.scaler.load_state_dict(content["scaler"])
        trainer.progress = Progress(**content["progress"])
        tally.restore(content["tally"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{source}: its optimiser does not fit this model ({error})"
        ) from error


def check_same_shards(content: dict[str, Any], manifest: Manifest, source: str) -> None:
    """Refuse to continue a run on other shards.

    Raises:
        CheckpointError: names both fingerprints.
    """
    if content["fingerprint"] != manifest.fingerprint:
        raise CheckpointError(
            f"{source}: was trained on other shards (fingerprint {content['fingerprint'][:16]}; "
            f"these have {manifest.fingerprint[:16]}); name the shards of the run"
        )


def check_same_validation(content: dict[str, Any], *, validates: bool, source: str) -> None:
    """Refuse to continue a run that validated without that, or the other way round.

    Raises:
        CheckpointError: says which it is, and what to do.
    """
    progress = content["progress"]
    if not progress["epoch"] or bool(progress["errors"]) == validates:
        return
    done = "was not validated" if validates else "was validated after each epoch"
    what = "leave --val out" if validates else "give --val as before"
    raise CheckpointError(f"{source}: {done}; to continue it {what}, or begin another --run")


def check_same_recipe(content: dict[str, Any], recipe: Recipe, source: str) -> None:
    """Refuse to continue a run under another recipe.

    Raises:
        RecipeError: names the first setting that differs.
    """
    theirs, ours = recipe_of(content).to_dict(), recipe.to_dict()
    for name, value in _flat(ours).items():
        if (its := _flat(theirs)[name]) != value:
            raise RecipeError(
                f"{source}: holds a run with {name} {its}, and {value} is asked for; leave the "
                "option out, or name another --run"
            )


def _flat(values: dict[str, Any]) -> dict[str, Any]:
    """Return {"optimiser.lr": 0.01, ...} of nested settings."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        inner = _flat(value) if isinstance(value, dict) else {}
        flat |= {f"{name}.{key}": item for key, item in inner.items()} or {name: value}
    return flat


def check_same_classes(classes: Sequence[str], size: int, manifest: Manifest, source: str) -> None:
    """Refuse to evaluate on shards with other classes, or of another size.

    Raises:
        CheckpointError: names what was found and expected.
    """
    theirs, ours = tuple(classes), manifest.classes
    if len(theirs) != len(ours):
        raise CheckpointError(
            f"{source}: knows {len(theirs)} classes where the shards have {len(ours)}; "
            "name shards of the same classes, or fine-tune it on these with "
            f"`alextrain fit SHARDS --weights {source}`"
        )
    for mine, its in zip(ours, theirs, strict=True):
        if mine != its:
            raise CheckpointError(
                f"{source}: knows other classes than the shards ({its!r} where they have "
                f"{mine!r}); name shards of the same classes"
            )
    if size != manifest.settings.size:
        raise CheckpointError(
            f"{source}: was trained on images of {size} pixels where the shards have "
            f"{manifest.settings.size}; prepare them with --size {size}"
        )


def _pack_statistics(statistics: Statistics) -> dict[str, Any]:
    return {
        "count": statistics.count,
        "pixel_sum": torch.from_numpy(statistics.pixel_sum),
        "outer_sum": torch.from_numpy(statistics.outer_sum),
        "fingerprint": statistics.fingerprint,
        "split": statistics.split,
    }


def statistics_of(content: dict[str, Any]) -> Statistics:
    """Return the statistics of the shards that a checkpoint was trained on."""
    values = content["statistics"]
    return Statistics(
        count=values["count"],
        pixel_sum=values["pixel_sum"].numpy(),
        outer_sum=values["outer_sum"].numpy(),
        fingerprint=values["fingerprint"],
        split=values["split"],
    )


def recipe_of(content: dict[str, Any]) -> Recipe:
    """Return the recipe that a checkpoint was trained with."""
    return Recipe.from_dict(content["recipe"])
