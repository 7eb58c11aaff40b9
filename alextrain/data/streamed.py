"""Batches of streamed samples, by position: the loader of tars that others made.

Sample numbers count on from epoch to epoch: number e * N + p is the one at position p of epoch e.
They can only be asked for in rising order; to begin in mid-epoch is to read up to there.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray

from alexprep.errors import AlexError, ImageError, ShardError
from alexprep.images.transform import square_array
from alexprep.settings import PrepSettings
from alextrain.data.ahead import Batch, cut
from alextrain.data.foreign import Stream, Taken

_AHEAD = 4  # batches under way beside the one that is handed out
_KEPT = 4  # samples that may be asked for again: partners in a mixture


class StreamLoader:
    """Batches of a stream, decoded, resized and cropped ahead by threads.

    Args:
        stream: Where samples come from.
        samples: Samples of an epoch, N.
        classes: Labels are below.
        settings: What is done to each image: as `alexprep shard` does it.
        batch_size: Samples in a batch.
        threads: How many decode.
    """

    def __init__(  # each is a part of what a batch is
        self,
        stream: Stream,
        samples: int,
        classes: int,
        settings: PrepSettings,
        batch_size: int,
        threads: int,
    ) -> None:
        self.wait_seconds = 0.0
        self._stream = stream
        self._samples = samples
        self._classes = classes
        self._settings = settings
        self._batch_size = batch_size
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="alextrain-stream")

    def batches(self, numbers: NDArray[np.int64]) -> Iterator[Batch]:
        """Yield the batches of these samples, in order.

        Raises:
            ShardError: see `parts`.
        """
        yield from self.parts(cut(numbers, self._batch_size))

    def parts(self, parts: Sequence[NDArray[np.int64]]) -> Iterator[Batch]:
        """Yield a batch for each of these runs of sample numbers; a run may be empty.

        Raises:
            ShardError: a tar is damaged, an image does not decode, a label is too high, or the
                stream is shorter than it should be.
            RawError: a server fails.
        """
        reader = _Positions(self._stream, self._samples)
        waiting: deque[_Filling] = deque()
        failure: AlexError | None = None
        try:
            for numbers in parts:
                try:
                    waiting.append(self._read(reader, numbers))
                except AlexError as error:  # what came before it is trained on first
                    failure = error
                    break
                if len(waiting) > _AHEAD:
                    yield self._finish(waiting.popleft())
            while waiting:
                yield self._finish(waiting.popleft())
            if failure is not None:
                raise failure
        finally:
            reader.close()

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _read(self, reader: _Positions, numbers: NDArray[np.int64]) -> _Filling:
        began = time.perf_counter()
        taken = [reader.at(number) for number in numbers.tolist()]
        self.wait_seconds += time.perf_counter() - began
        for sample in taken:
            if sample.label >= self._classes:
                raise ShardError(
                    f"{sample.title}: has the label {sample.label}, and there are "
                    f"{self._classes:,} classes; give --classes {sample.label + 1} or more"
                )
        labels = torch.tensor([sample.label for sample in taken], dtype=torch.int64)
        return labels, [self._pool.submit(self._square, sample) for sample in taken]

    def _square(self, sample: Taken) -> NDArray[np.uint8]:
        try:
            return square_array(sample.image, self._settings)
        except ImageError as error:
            raise ShardError(
                f"{sample.title}: {error}; make shards of these tars with `alexprep shard`, which "
                "leaves bad images out and names them"
            ) from error

    def _finish(self, filling: _Filling) -> Batch:
        labels, tasks = filling
        began = time.perf_counter()
        size = self._settings.size
        images = np.empty((len(tasks), size, size, 3), np.uint8)
        for place, task in zip(images, tasks, strict=True):
            place[:] = task.result()
        self.wait_seconds += time.perf_counter() - began
        return Batch(torch.from_numpy(images), labels)


_Filling = tuple[torch.Tensor, list[Future[NDArray[np.uint8]]]]


class _Positions:
    """Reads a stream in rising order; the last few samples can be had again."""

    def __init__(self, stream: Stream, samples: int) -> None:
        self._stream = stream
        self._samples = samples
        self._epoch = -1
        self._next = 0
        self._source: Iterator[Taken] = iter(())
        self._kept: deque[tuple[int, Taken]] = deque(maxlen=_KEPT)

    def at(self, number: int) -> Taken:
        """Return a sample by its number."""
        for kept, taken in self._kept:
            if kept == number:
                return taken
        epoch, position = divmod(number, self._samples)
        if epoch != self._epoch or position < self._next:
            self.close()
            self._epoch, self._next, self._source = epoch, 0, self._stream.epoch(epoch)
        while self._next <= position:
            try:
                taken = next(self._source)
            except StopIteration:
                raise ShardError(
                    f"the tars hold {self._next:,} samples, and --samples says "
                    f"{self._samples:,}; give --samples {self._next}"
                ) from None
            self._kept.append((epoch * self._samples + self._next, taken))
            self._next += 1
        return taken

    def close(self) -> None:
        """Let go of the tars."""
        close = getattr(self._source, "close", None)
        if close is not None:
            close()
