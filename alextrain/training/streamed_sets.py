"""Open tars that others made for a run: what it streams, what it validates on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from threading import Event

import numpy as np
from numpy.typing import NDArray

from alexprep.errors import ImageError, ShardError, StatisticsError
from alexprep.images.transform import square_array
from alexprep.measuring.moments import Moments, sum_images
from alexprep.settings import PrepSettings
from alexprep.shards.manifest import MANIFEST, Manifest, ShardRecord
from alexprep.shards.statistics import Statistics
from alextrain.data.foreign import BUFFER, Stream, count_samples
from alextrain.data.loader import decoding_threads
from alextrain.data.streamed import StreamLoader
from alextrain.data.tar_cache import bring, cached, check_copies
from alextrain.data.tars import list_tars, shown
from alextrain.device import Machine
from alextrain.errors import RecipeError
from alextrain.ranks import Ranks
from alextrain.recipes.recipe import Recipe
from alextrain.training.evaluation import Subset
from alextrain.training.sets import Sets

MEASURED = 1000  # samples, the first of the tars, whose mean and colours stand for all


@dataclass(frozen=True)
class Tars:
    """What the user says of tars in place of a set of shards."""

    text: str  # paths and URLs, or a folder: see data/tars.py
    classes: int | None = None
    samples: int | None = None  # of an epoch; None: counted, where all tars are here
    validation: str | None = None  # tars too
    statistics: Path | None = None  # of another set; None: measured
    size: int = 256  # height and width that images are brought to, pixels

    def __str__(self) -> str:
        return shown(self.text)


@dataclass(frozen=True)
class StreamedSets(Sets):
    """What a run streams: sample numbers count on from epoch to epoch."""

    samples: int  # of an epoch

    @property
    def train_samples(self) -> int:
        """Samples of an epoch."""
        return self.samples

    def order(self, recipe: Recipe, epoch: int) -> NDArray[np.int64]:  # noqa: ARG002
        """Return the sample numbers of an epoch: the stream itself is mixed."""
        return np.arange(epoch * self.samples, (epoch + 1) * self.samples)


def open_streamed(
    given: Tars, recipe: Recipe, machine: Machine, workers: int | None, ranks: Ranks
) -> StreamedSets:
    """Open tars for a run; those to validate on are brought here whole.

    Args:
        given: Which, and what is known of them.
        recipe: Seed and batch size are used.
        machine: Where the network is.
        workers: Threads that decode; None: chosen for the machine.
        ranks: Has to be one process.

    Raises:
        RecipeError: several processes, a holdout, or numbers that are missing.
        ShardError: a tar is missing or damaged.
        RawError: a server fails, or a URL is of no scheme that is read.
        StatisticsError: statistics of another image size.
    """
    tars = list_tars(given.text)
    others = [] if given.validation is None else _others(given.validation, tars)
    check_copies([*tars, *others])
    classes, samples = _numbers(given, tars, recipe, ranks)
    settings = PrepSettings(size=given.size)
    manifest = _manifest(tars, samples, classes, settings)
    statistics = _statistics(given, tars, settings, manifest.fingerprint)
    threads = workers or decoding_threads(gpu=machine.device.type == "cuda")

    def load(stream: Stream, count: int) -> StreamLoader:
        return StreamLoader(stream, count, classes, settings, recipe.batch_size, threads)

    validation: Subset | None = None
    if given.validation is not None:
        count = count_samples([bring(tar, Event()) for tar in others])
        if not count:
            raise ShardError(
                f"{shown(given.validation)}: holds no image; give --val WebDataset tars (x.jpg "
                "and x.cls), or leave it out"
            )
        validation = Subset("val", load(Stream(tuple(others)), count), np.arange(count))
    return StreamedSets(
        folder=Path(str(given)),
        manifest=manifest,
        statistics=statistics,
        train=load(Stream(tuple(tars), recipe.seed), samples),
        shard_sizes=np.array([samples]),
        kept_out=np.zeros(samples, np.bool_),
        validation=validation,
        labels=np.zeros(0, np.int32),
        notes=tuple(_notes(given, tars, statistics)),
        cache="off",
        samples=samples,
    )


def _others(validation: str, tars: Sequence[str]) -> list[str]:
    """Return the tars to validate on, or say why they are none."""
    if (Path(validation) / MANIFEST).exists():
        raise ShardError(
            f"{validation}: is a set of shards, those to train on among them; name tars to "
            "validate on, e.g. its val-000000.tar"
        )
    others = list_tars(validation)
    trained = {_place(tar) for tar in tars}
    if both := next((tar for tar in others if _place(tar) in trained), None):
        raise ShardError(
            f"{shown(both)}: is to be trained on and validated on; give --val tars that are not "
            "trained on"
        )
    return others


def _place(tar: str) -> Path:
    return cached(tar).resolve()


def _numbers(given: Tars, tars: Sequence[str], recipe: Recipe, ranks: Ranks) -> tuple[int, int]:
    """Return classes and samples, or say what is missing."""
    if ranks.count > 1:
        raise RecipeError(
            f"{given}: tars without a manifest are streamed by one process, and this job has "
            f"{ranks.count}; make a set of them with `alexprep import` or `alexprep shard`"
        )
    if recipe.holdout:
        raise RecipeError(f"{given}: of a stream nothing can be held out; give --val TARS")
    if given.classes is None or given.classes < 2:
        raise RecipeError(f"{given}: nothing says how many classes there are; give --classes N")
    if given.samples is not None:
        return given.classes, given.samples
    paths = [cached(tar) for tar in tars]
    if missing := sum(not path.exists() for path in paths):
        raise RecipeError(
            f"{given}: {missing} of {len(tars)} tars have yet to come, and the rate goes by "
            "epochs; say with --samples N how many images they hold"
        )
    if not (found := count_samples(paths)):
        raise ShardError(f"{given}: holds no image; name WebDataset tars (x.jpg and x.cls)")
    return given.classes, found


def _manifest(tars: Sequence[str], samples: int, classes: int, settings: PrepSettings) -> Manifest:
    """Return what stands for the manifest that there is not: a resumed run must have the same."""
    names = [cached(tar).name for tar in tars]
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()
    numbers = tuple(str(number) for number in range(classes))
    return Manifest(
        settings=settings,
        codec={"encoder": "unknown"},
        layout="stream",
        label_order="own",
        classes=numbers,
        words=numbers,
        shards=(ShardRecord(f"{len(tars)} tars", "train", samples, 0, digest),),
        index_sha256={},
    )


def _statistics(
    given: Tars, tars: Sequence[str], settings: PrepSettings, fingerprint: str
) -> Statistics:
    """Load the statistics given, or measure the first samples: the same at each start."""
    if given.statistics is not None:
        found = Statistics.load(given.statistics)
        if len(found.pixel_sum) != settings.size:
            raise StatisticsError(
                f"{given.statistics}: measures images of {len(found.pixel_sum)} pixels, and "
                f"--size is {settings.size}; give those of the same size"
            )
        return found
    total = Moments.none(settings.size)
    for taken in islice(Stream(tuple(tars)).epoch(0), MEASURED):
        try:
            total += sum_images(square_array(taken.image, settings)[None])
        except ImageError as error:
            raise ShardError(f"{taken.title}: {error}") from error
    if not total.count:
        raise ShardError(f"{given}: holds no image; name WebDataset tars (x.jpg and x.cls)")
    return Statistics(total.count, total.pixel_sum, total.outer_sum, fingerprint, "train")


def _notes(given: Tars, tars: Sequence[str], statistics: Statistics) -> list[str]:
    count = "1 tar" if len(tars) == 1 else f"{len(tars):,} tars"
    remote = [tar for tar in tars if cached(tar) != Path(tar)]
    where = f", copied once to {cached(remote[0]).parent}" if remote else ""
    source = given.statistics or f"the first {statistics.count:,} samples"
    mixing = (
        f"samples are mixed {BUFFER:,} at a time, tars permuted: no one order over all of them, "
        "and none that another webdataset or Python would have to keep"
    )
    resuming = (
        "to resume in mid-epoch the stream is read from the epoch's beginning; the tars have to "
        "be what they were"
    )
    pixels = (
        f"images are brought to {given.size}x{given.size} each time they are seen; mean and "
        f"colours are those of {source}"
    )
    first = f"{count} without a manifest, streamed by webdataset {version('webdataset')}{where}"
    notes = [first, mixing, resuming, pixels]
    return notes if given.validation else [*notes, "nothing will be validated: there is no --val"]
