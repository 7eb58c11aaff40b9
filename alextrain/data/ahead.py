"""Fill batches ahead of their use, with threads, in a fixed order."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alextrain.data.buffers import Buffers

LONGEST_RUN = 32  # samples of a task: some milliseconds, so that closing is quick


class Batch(NamedTuple):
    """Images and labels of n samples.

    A batch stays as it is for as long as any part of it is held: its memory is used again only
    when the tensors, their views and arrays made of them are gone.
    """

    images: Tensor  # uint8 [n, S, S, 3], RGB levels
    labels: Tensor  # int64 [n]


class Pictures(Protocol):
    """Where the pictures of a split come from, by sample number."""

    @property
    def size(self) -> int:
        """Height and width S, pixels."""

    @property
    def labels(self) -> NDArray[np.int32]:
        """Labels of all samples."""

    def fill(self, numbers: NDArray[np.int64], out: NDArray[np.uint8]) -> None:
        """Write the pictures of these samples to `out`, uint8 [len(numbers), S, S, 3].

        Called from several threads at once.
        """


class BatchLoader(Protocol):
    """What gives the batches of a split, whatever they are made from."""

    wait_seconds: float  # that consumers have waited for batches, in all

    def batches(self, numbers: NDArray[np.int64]) -> Iterator[Batch]:
        """Yield the batches of these samples, in order."""

    def parts(self, parts: Sequence[NDArray[np.int64]]) -> Iterator[Batch]:
        """Yield a batch for each of these runs of sample numbers, in order; a run may be empty."""

    def close(self) -> None:
        """Stop the threads, if there are any."""


class Ahead:
    """Batches of pictures, filled ahead by a pool of threads.

    The batches depend on the sample numbers and the batch size alone, never on the threads. Each
    task fills a short run of samples, straight into its place in the batch.

    Args:
        pictures: Where they come from.
        batch_size: Samples in a batch; the last one has what is left.
        threads: How many fill.
        ahead: Batches under way beside the one that is handed out. At most `ahead` + 2 buffers are
            in use, more only where the consumer keeps batches.
        pin: Whether batches lie in page-locked memory, for asynchronous copies to a GPU.
    """

    def __init__(
        self,
        pictures: Pictures,
        batch_size: int,
        threads: int,
        ahead: int = 4,
        *,
        pin: bool = False,
    ) -> None:
        assert batch_size >= 1, batch_size
        assert threads >= 1, threads
        self.wait_seconds = 0.0  # that consumers have waited for batches, in all
        self._pictures = pictures
        self._batch_size = batch_size
        self._ahead = ahead
        self._pin = pin
        self._buffers = Buffers((0, pictures.size, pictures.size, 3), pin=pin)
        # Two tasks for each thread among the batches under way, so that none is idle.
        self._run = min(LONGEST_RUN, max(1, batch_size * max(1, ahead) // (2 * threads)))
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="alextrain-loader")

    def batches(self, numbers: NDArray[np.int64]) -> Iterator[Batch]:
        """Yield the batches of these samples, in order.

        Args:
            numbers: Sample numbers, int64 [n].

        Raises:
            ShardError: a sample cannot be read or decoded; raised when its batch is due.
        """
        yield from self.parts(cut(numbers, self._batch_size))

    def parts(self, parts: Sequence[NDArray[np.int64]]) -> Iterator[Batch]:
        """Yield a batch for each of these runs of sample numbers, in order; a run may be empty.

        Raises:
            ShardError: a sample cannot be read or decoded; raised when its batch is due.
        """
        self._make_room(max(map(len, parts), default=0))
        waiting: deque[_Filling] = deque()
        try:
            for numbers in parts:
                waiting.append(self._begin(numbers))
                if len(waiting) > self._ahead:
                    yield self._finish(waiting.popleft())
            while waiting:
                yield self._finish(waiting.popleft())
        finally:
            for filling in waiting:
                filling.cancel()

    def close(self) -> None:
        """Stop the threads. What they are at ends first, some milliseconds each."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _make_room(self, longest: int) -> None:
        """Have buffers for batches of `longest` samples: not for more, however large a batch is."""
        size = self._pictures.size
        if self._buffers.shape[0] < longest:
            self._buffers = Buffers((longest, size, size, 3), pin=self._pin)

    def _begin(self, numbers: NDArray[np.int64]) -> _Filling:
        images = self._buffers.take()[: len(numbers)]
        labels = torch.from_numpy(self._pictures.labels[numbers].astype(np.int64))
        tasks = [
            self._pool.submit(self._fill, numbers[i : i + self._run], [images[i : i + self._run]])
            for i in range(0, len(numbers), self._run)
        ]
        return _Filling(Batch(images, labels), tasks)

    def _fill(self, numbers: NDArray[np.int64], place: list[Tensor]) -> None:
        # A task holds a tensor, so its buffer is not given to others even if its batch was given
        # up. It comes in a list and is taken out of it: else the pool would hold it a moment
        # longer than the task runs, and one buffer more would be needed now and then.
        self._pictures.fill(numbers, place.pop().numpy())

    def _finish(self, filling: _Filling) -> Batch:
        begin = time.perf_counter()
        try:
            for task in filling.tasks:
                task.result()
        except BaseException:
            filling.cancel()
            raise
        finally:
            self.wait_seconds += time.perf_counter() - begin
        return filling.batch


def cut(numbers: NDArray[np.int64], batch_size: int) -> list[NDArray[np.int64]]:
    """Cut sample numbers into batches; the last one has what is left."""
    return [numbers[start : start + batch_size] for start in range(0, len(numbers), batch_size)]


class _Filling(NamedTuple):
    """A batch under way and the tasks that fill it."""

    batch: Batch
    tasks: list[Future[None]]

    def cancel(self) -> None:
        for task in self.tasks:
            task.cancel()
