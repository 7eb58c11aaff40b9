"""Load shards: threads read by the index and decode straight into batches of uint8."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from alexprep.errors import ImageError, ShardError
from alexprep.shards.reader import ShardReader
from alexprep.threads import usable_cores
from alextrain.data.ahead import Ahead
from alextrain.data.decode import decode_into


class ShardPictures:
    """The pictures of a split, read and decoded when they are asked for."""

    def __init__(self, reader: ShardReader) -> None:
        self.reader = reader
        self.size = reader.size
        self.labels = reader.labels

    def fill(self, numbers: NDArray[np.int64], out: NDArray[np.uint8]) -> None:
        """Read and decode samples into `out`, uint8 [len(numbers), S, S, 3].

        Raises:
            ShardError: names the shard and the key of the first sample that fails.
        """
        for i, number in enumerate(numbers.tolist()):
            data = self.reader.read(number)
            try:
                decode_into(data, out[i])
            except ImageError as error:
                raise ShardError(
                    f"{self.reader.describe(number)}: {error}; look for more with `alexprep "
                    f"verify {self.reader.folder}` and make the shard again with `alexprep shard`"
                ) from error


def read_pictures(reader: ShardReader, numbers: Sequence[int]) -> NDArray[np.uint8]:
    """Return some pictures of a split, uint8 [len(numbers), S, S, 3].

    Raises:
        ShardError: names the shard and the key of the first sample that fails.
    """
    images = np.empty((len(numbers), reader.size, reader.size, 3), np.uint8)
    ShardPictures(reader).fill(np.asarray(numbers, np.int64), images)
    return images


class Loader(Ahead):
    """Batches of a split of shards, decoded ahead by threads; see `Ahead`.

    Args:
        reader: The split; it stays open when the loader is closed.
        batch_size: Samples in a batch; the last one has what is left.
        threads: How many decode; None: see `decoding_threads`.
        ahead: Batches under way beside the one that is handed out.
        pin: Whether batches lie in page-locked memory, for asynchronous copies to a GPU.
    """

    def __init__(
        self,
        reader: ShardReader,
        batch_size: int,
        threads: int | None = None,
        ahead: int = 4,
        *,
        pin: bool = False,
    ) -> None:
        count = decoding_threads(gpu=pin) if threads is None else threads
        super().__init__(ShardPictures(reader), batch_size, count, ahead, pin=pin)


def decoding_threads(*, gpu: bool, processes: int = 1) -> int:
    """Return how many threads decode where the user does not say.

    A GPU is fed by all cores, up to 16. On the CPU the network itself needs the cores, and takes
    longer for an image than decoding does: two threads. Processes of one job share the cores.
    """
    return min(16 if gpu else 2, max(1, usable_cores() // processes))
