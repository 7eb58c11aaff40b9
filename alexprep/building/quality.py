"""What a JPEG quality costs and loses, measured on images of the raw set itself."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from alexprep.errors import ImageError
from alexprep.images.transform import encode, square
from alexprep.measuring.stored import decode_stored
from alexprep.planning.plan import Plan
from alexprep.raw.source import read_source
from alexprep.raw.spool import cheap_sample
from alexprep.shards.tar import BLOCK

QUALITIES = (95, 90, 85, 75)
_IMAGES = 256
_PASSES = 3  # over which decoding is timed; the fastest counts


@dataclass(frozen=True)
class Quality:
    """One JPEG quality on a sample of a set."""

    quality: int
    images: int  # measured
    sample_bytes: float  # an image in the shard, headers included
    squared_error: float  # mean over all levels of all images, levels squared
    decode_seconds: float  # an image, one thread, from memory

    @property
    def psnr(self) -> float:
        """Peak signal-to-noise ratio to the uncompressed square, decibels; inf for no loss."""
        return 10 * math.log10(255**2 / self.squared_error) if self.squared_error else math.inf

    @property
    def rate(self) -> float:
        """Images decoded per second by one thread."""
        return 1 / self.decode_seconds


@dataclass
class _Tally:
    encoded: list[bytes] = field(default_factory=list)
    squared_error: float = 0.0  # sum over images of the mean over levels
    seconds: float = math.inf  # of the fastest pass


def compare_qualities(
    plan: Plan,
    images: int = _IMAGES,
    on_progress: Callable[[int], None] | None = None,
) -> list[Quality]:
    """Prepare some images of a plan at several qualities, and write nothing.

    Args:
        plan: Its settings hold but for the quality; its own quality is compared too.
        images: How many to take, at most; bad ones do not count.
        on_progress: Hears 1 after each image.

    Returns:
        The qualities, best first; nothing where no image is among those taken.

    Raises:
        RawError: the raw set changed since it was listed, or an archive is cut.
    """
    numbers = sorted({*QUALITIES, plan.settings.quality}, reverse=True)
    tallies = {number: _Tally() for number in numbers}
    buffer = np.empty((plan.settings.size, plan.settings.size, 4), np.uint8)
    sources = (sample.source for task in plan.tasks for sample in task.samples)
    for source in cheap_sample(sources, images):
        try:
            picture, _ = square(read_source(source), plan.settings)
        except ImageError:
            continue
        wanted = np.asarray(picture)
        for number, tally in tallies.items():
            data = encode(picture, replace(plan.settings, format="jpg", quality=number))
            tally.encoded.append(data)
            tally.squared_error += _squared_error(decode_stored(data, "jpg", buffer), wanted)
        if on_progress is not None:
            on_progress(1)
    if not tallies[numbers[0]].encoded:
        return []
    _time_decoding(tallies.values(), buffer)
    return [_quality(number, tally) for number, tally in tallies.items()]


def _squared_error(found: NDArray[np.uint8], wanted: NDArray[np.uint8]) -> float:
    difference = found[..., :3].astype(np.float32) - wanted
    return float(np.mean(np.square(difference), dtype=np.float64))


def _time_decoding(tallies: Iterable[_Tally], buffer: NDArray[np.uint8]) -> None:
    """Time the qualities in turn, so that what else the machine does falls on all."""
    for _ in range(_PASSES):
        for tally in tallies:
            begun = time.perf_counter()
            for data in tally.encoded:
                decode_stored(data, "jpg", buffer)
            tally.seconds = min(tally.seconds, time.perf_counter() - begun)


def _quality(number: int, tally: _Tally) -> Quality:
    count = len(tally.encoded)
    # Two headers, the image in whole blocks, and a block for the label.
    size = sum(3 * BLOCK + -(-len(data) // BLOCK) * BLOCK for data in tally.encoded)
    return Quality(
        quality=number,
        images=count,
        sample_bytes=size / count,
        squared_error=tally.squared_error / count,
        decode_seconds=tally.seconds / count,
    )
