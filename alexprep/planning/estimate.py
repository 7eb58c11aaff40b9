"""How long a plan will take and how much it will write, measured on some of its own images."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

from alexprep.errors import ImageError
from alexprep.images.decode import decode
from alexprep.images.transform import prepare
from alexprep.planning.plan import Plan
from alexprep.raw.source import read_source
from alexprep.raw.spool import cheap_sample
from alexprep.shards.tar import BLOCK

_IMAGES = 64
_SECONDS = 5.0  # after so long, what has been measured will do


@dataclass(frozen=True)
class Estimate:
    """What one image costs one process, and takes in a shard."""

    images: int  # measured; bad ones do not count
    read_seconds: float  # an image, from where it lies
    work_seconds: float  # an image: decode, resize, encode
    sample_bytes: float  # in the shard, headers included
    side: int  # the shorter one of the raw images, pixels, their median

    @property
    def rate(self) -> float:
        """Images per second of one process."""
        return 1 / max(self.read_seconds + self.work_seconds, 1e-9)

    @property
    def reading_share(self) -> float:
        """Part of the time that goes to reading: near 1 on a disk that is too slow."""
        return self.read_seconds * self.rate

    def seconds(self, samples: int, jobs: int) -> float:
        """Return how long so many samples will take so many processes, start-up left out."""
        return samples / (self.rate * jobs)

    def bytes(self, samples: int) -> float:
        """Return how much so many samples will take on the disk."""
        return samples * self.sample_bytes


def measure_plan(plan: Plan, images: int = _IMAGES) -> Estimate | None:
    """Read and prepare the first images of a plan, in its order, and write nothing.

    That order is random, so they are a fair sample, and reading them costs what reading all will:
    a slow disk shows before the work begins. It ends after some seconds, with fewer images.

    Returns:
        None where not one of them is an image.

    Raises:
        RawError: the raw set changed since it was listed, or an archive is cut.
    """
    samples = (sample.source for task in plan.tasks for sample in task.samples)
    read = work = size = 0.0
    sides: list[int] = []
    end = time.perf_counter() + _SECONDS
    for source in cheap_sample(samples, images):
        if sides and time.perf_counter() > end:
            break
        begun = time.perf_counter()
        try:
            data = read_source(source)
            have = time.perf_counter()
            image, _ = prepare(data, plan.settings)
        except ImageError:
            continue
        read += have - begun
        work += time.perf_counter() - have
        # Two headers, the image in whole blocks, and a block for the label.
        size += 3 * BLOCK + -(-len(image) // BLOCK) * BLOCK
        sides.append(min(decode(data, plan.settings.max_pixels).size))
    good = len(sides)
    if not good:
        return None
    return Estimate(good, read / good, work / good, size / good, statistics.median_low(sides))
