"""The moments of one shard: summed from its stored bytes, and kept while the set is unfinished."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from alexprep.errors import ImageError, ShardError
from alexprep.measuring.moments import Moments, MomentSums
from alexprep.measuring.stored import decode_stored
from alexprep.planning.plan import Task
from alexprep.settings import PrepSettings
from alexprep.shards.index import Index
from alexprep.shards.manifest import ShardRecord
from alexprep.shards.npz import load_arrays, save_arrays

_ARRAYS = ("count", "pixel_sum", "outer_sum", "sha256")


class StoredSums:
    """Sum encoded images, decoded as training decodes them.

    Args:
        settings: Of the shards: the side of the images and their format.
    """

    def __init__(self, settings: PrepSettings) -> None:
        self._extension = settings.format
        self._buffer = np.empty((settings.size, settings.size, 4), np.uint8)
        self._sums = MomentSums(settings.size)

    def add(self, data: bytes) -> None:
        """Add one encoded image.

        Raises:
            ImageError: it does not decode, or has another size; the text is the reason alone.
        """
        self._sums.add(decode_stored(data, self._extension, self._buffer))

    def moments(self) -> Moments:
        """Return the moments of all images added so far."""
        return self._sums.moments()


def sum_shard(
    folder: Path,
    shard: ShardRecord,
    index: Index,
    settings: PrepSettings,
    beat: Callable[[int], None],
) -> Moments:
    """Sum the images of one shard, read from its first byte to its last, hashed in passing.

    Args:
        folder: The set.
        shard: Its name and its SHA-256.
        index: Of this shard alone.
        settings: Of the set.
        beat: Is called with 1 after each image.

    Raises:
        ShardError: the shard was changed, or an image in it does not decode.
    """
    path = folder / shard.name
    sums, digest, position = StoredSums(settings), hashlib.sha256(), 0
    places = zip(index.offsets.tolist(), index.sizes.tolist(), strict=True)
    with path.open("rb", buffering=0) as file:
        for number, (offset, size) in enumerate(places):
            data = file.read(offset + size - position)
            digest.update(data)
            position = offset + size
            try:
                sums.add(data[-size:])
            except ImageError as error:
                key = index.keys()[number]
                raise ShardError(f"{path}, sample {key}: {error}; {_mend(folder)}") from error
            beat(1)
        digest.update(file.read())
    if digest.hexdigest() != shard.sha256:
        raise ShardError(
            f"{path}: was changed after it was written (sha256 {digest.hexdigest()[:16]}, the "
            f"manifest says {shard.sha256[:16]}); {_mend(folder)}"
        )
    return sums.moments()


def moments_name(task: Task) -> str:
    """Return the file name of the moments of a task's shard, beside its record."""
    return f"{task.name}.npz"


def save_moments(path: Path, moments: Moments, shard: ShardRecord) -> None:
    """Write moments, with the SHA-256 of the shard that they belong to.

    Raises:
        DiskError: the disk is full or cannot be written.
    """
    arrays = {
        "count": np.array(moments.count, np.int64),
        "pixel_sum": moments.pixel_sum,
        "outer_sum": moments.outer_sum,
        "sha256": np.array(shard.sha256),
    }
    save_arrays(path, arrays)


def load_moments(path: Path, shard: ShardRecord, size: int) -> Moments | None:
    """Read moments back; None where there are none that are whole and this shard's.

    Args:
        path: The file.
        shard: Whose moments they must be.
        size: Side of its images, pixels.
    """
    try:
        arrays = load_arrays(path, _ARRAYS)
    except (OSError, ValueError):
        return None
    fits = arrays["pixel_sum"].shape == (size, size, 3) and arrays["outer_sum"].shape == (3, 3)
    if str(arrays["sha256"]) != shard.sha256 or not fits:
        return None
    return Moments(int(arrays["count"]), arrays["pixel_sum"], arrays["outer_sum"])


def _mend(folder: Path) -> str:
    return f"`alexprep verify {folder} --deep` says what mends it"  # ours or made by others
