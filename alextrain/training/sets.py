"""Open a set of shards for a run: what it trains on, what it validates on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alexprep.errors import ShardError, StatisticsError
from alexprep.shards.manifest import Manifest
from alexprep.shards.mixing import mixing
from alexprep.shards.reader import ShardReader
from alexprep.shards.statistics import STATISTICS, Statistics
from alextrain.data.ahead import BatchLoader
from alextrain.data.cache import free_for, open_loader
from alextrain.data.draws import check_crop
from alextrain.data.order import epoch_order
from alextrain.device import Machine
from alextrain.errors import RecipeError
from alextrain.ranks import ALONE, Ranks, processes_here
from alextrain.recipes.recipe import Recipe
from alextrain.training.evaluation import Subset
from alextrain.training.room import check_room
from alextrain.training.schedule import short_warm_up

_PLACES = {
    "device": "the decoded images are kept on the device",
    "ram": "the decoded images are kept in RAM",
    "off": "the images are decoded anew in each epoch",
    "nvjpeg": "the GPU decodes the images anew in each epoch (nvJPEG): most pixels differ a little "
    "from those of --decode cpu, so do the weights; see docs/numerics.md",
}
_HOLDOUT_STREAM = 0x686F6C64  # a stream of its own, beside those of the order


@dataclass(frozen=True)
class Sets:
    """What a run reads."""

    folder: Path
    manifest: Manifest
    statistics: Statistics
    train: BatchLoader
    shard_sizes: NDArray[np.int64]  # of the train split
    kept_out: NDArray[np.bool_]  # [n] samples of the train split that are not trained on
    validation: Subset | None  # "val", or "held out"
    labels: NDArray[np.int32]  # [n] of the train split
    notes: tuple[str, ...]  # what the user should know
    cache: str  # where decoded images are: "device", "ram"; "off" and "nvjpeg": nowhere

    @property
    def train_samples(self) -> int:
        """Samples of an epoch."""
        return len(self.kept_out) - int(self.kept_out.sum())

    def order(self, recipe: Recipe, epoch: int) -> NDArray[np.int64]:
        """Return the sample numbers of an epoch in the order of training."""
        numbers = epoch_order(recipe.seed, epoch, self.shard_sizes, recipe.window)
        return numbers[~self.kept_out[numbers]]


def open_sets(  # noqa: PLR0913  # what the user may say of loading
    shards: Path,
    recipe: Recipe,
    machine: Machine,
    *,
    cache: str = "auto",
    decode: str = "cpu",
    workers: int | None = None,
    ranks: Ranks = ALONE,
    on_cached: Callable[[int, int], object] | None = None,
) -> Sets:
    """Open and check everything that a run reads, before any work begins.

    Args:
        shards: The folder.
        recipe: Seed, holdout, batch size and window are used.
        machine: Where the network is.
        cache: Where decoded images are kept: see data/cache.py.
        decode: Who decodes: "cpu", or "cuda" by nvJPEG.
        workers: Threads that decode; None: chosen for the machine.
        ranks: The processes that share each batch.
        on_cached: Hears images decoded and to decode, while a cache is filled.

    Raises:
        ShardError: no shards, no train split, one class only, shards changed or lost.
        StatisticsError: no statistics, or those of other shards.
        DeviceError: a cache or a decoder that there is no room or no device for; a batch that is
            too large.
        RecipeError: a holdout that leaves nothing to train or to validate on; a crop larger than
            the images.
    """
    manifest = Manifest.load(shards)
    _check_trainable(shards, manifest)
    check_crop(recipe.input.crop, manifest.settings.size)
    statistics = _statistics_of_train(shards, manifest)
    reader = ShardReader(shards, "train")
    kept_out = hold_out(recipe.seed, len(reader), recipe.holdout)
    _check_holdout(recipe, kept_out)
    share = -(-recipe.batch_size // ranks.count)  # of this process
    trained = int((~kept_out).sum())
    free = free_for(machine.device, processes_here())
    check_room(min(share, trained), reader.size, recipe.input.crop, free)

    def load(split: ShardReader) -> tuple[BatchLoader, str]:
        return open_loader(
            split,
            share,
            machine.device,
            cache=cache,
            decode=decode,
            threads=workers,
            processes=processes_here(),
            on_decoded=_count_up(on_cached, len(split)),
        )

    train, place = load(reader)
    validation: Subset | None = None
    if recipe.holdout:
        validation = Subset("held out", train, np.flatnonzero(kept_out))
    elif "val" in manifest.splits:
        val_reader = ShardReader(shards, "val")
        loader, _ = load(val_reader)
        validation = Subset("val", loader, np.arange(len(val_reader)))
    return Sets(
        folder=shards,
        manifest=manifest,
        statistics=statistics,
        train=train,
        shard_sizes=reader.shard_sizes,
        kept_out=kept_out,
        validation=validation,
        labels=reader.labels,
        notes=(
            _PLACES[place],
            *_unmixed(reader),
            *_unseen(reader, kept_out),
            *_large_batch(recipe, trained),
            *short_warm_up(recipe, trained),
            *_unvalidated(validation),
        ),
        cache=place,
    )


def _statistics_of_train(shards: Path, manifest: Manifest) -> Statistics:
    statistics = Statistics.load(shards / STATISTICS, manifest.fingerprint)
    if "train" not in statistics.split.split("+"):
        raise StatisticsError(
            f"{shards / STATISTICS}: measures {statistics.split}, and training takes the mean of "
            f"train; run `alexprep stats {shards}`"
        )
    return statistics


def _check_holdout(recipe: Recipe, kept_out: NDArray[np.bool_]) -> None:
    if recipe.holdout and (kept_out.all() or not kept_out.any()):
        raise RecipeError(
            f"holdout {recipe.holdout:g} keeps {int(kept_out.sum()):,} of {len(kept_out):,} images "
            "out of training; choose a part that leaves some on both sides"
        )


def _large_batch(recipe: Recipe, trained: int) -> list[str]:
    """Return a warning where a batch is larger than an epoch."""
    if recipe.batch_size <= trained:
        return []
    what = f"batch_size {recipe.batch_size:,} is more than the {trained:,} images to train on"
    return [f"{what}: each epoch is one step"]


def _unvalidated(validation: Subset | None) -> list[str]:
    """Return a warning where nothing will be validated."""
    if validation is not None:
        return []
    return ["there is no val split: nothing will be validated (see --holdout)"]


def _unmixed(reader: ShardReader) -> list[str]:
    """Return a warning where the classes are not mixed over the shards."""
    names = [shard.name for shard in reader.manifest.of(reader.split)]
    warning = mixing(reader.labels, reader.shard_sizes).warning(names)
    return [] if warning is None else [warning]


def _unseen(reader: ShardReader, kept_out: NDArray[np.bool_]) -> list[str]:
    """Return a warning where classes have no image to train on."""
    counts = np.bincount(reader.labels[~kept_out], minlength=len(reader.manifest.classes))
    empty = np.flatnonzero(counts == 0)
    if not len(empty):
        return []
    names = ", ".join(reader.manifest.classes[i] for i in empty[:3].tolist())
    more = f" and {len(empty) - 3:,} more" if len(empty) > 3 else ""
    what = "class has" if len(empty) == 1 else "classes have"
    return [f"{len(empty):,} {what} no image to train on, so never learnt: {names}{more}"]


def _count_up(
    on_cached: Callable[[int, int], object] | None, total: int
) -> Callable[[int], object] | None:
    """Turn news of "so many more" into "so many of so many"."""
    if on_cached is None:
        return None
    done = 0

    def on_decoded(images: int) -> None:
        nonlocal done
        done += images
        on_cached(done, total)

    return on_decoded


def hold_out(seed: int, samples: int, share: float) -> NDArray[np.bool_]:
    """Choose the samples that are kept out of training, a function of (seed, samples, share).

    Returns:
        bool [samples], true for round(share * samples) of them.
    """
    draws = np.random.Philox(key=[seed, _HOLDOUT_STREAM]).random_raw(samples)
    chosen = np.argsort(draws, kind="stable")[: round(share * samples)]
    mask = np.zeros(samples, np.bool_)
    mask[chosen] = True
    return mask


def _check_trainable(shards: Path, manifest: Manifest) -> None:
    if not manifest.samples("train"):
        there = ", ".join(manifest.splits) or "none"
        raise ShardError(
            f"{shards}: has no train split (it has {there}); prepare one with `alexprep shard`"
        )
    if len(manifest.classes) < 2:
        raise ShardError(
            f"{shards}: has one class only ({manifest.classes[0]}); a classifier needs two or more"
        )
