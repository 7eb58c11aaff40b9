"""Batches that the GPU decodes: threads read the JPEG files, nvJPEG makes pictures of them.

Its pixels are not libjpeg's: see docs/numerics.md. It frees the cores where they cannot feed a GPU.
"""

from __future__ import annotations

import time
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NoReturn

import numpy as np
import simplejpeg
import torch
from numpy.typing import NDArray
from torch import Tensor

from alexprep.errors import ShardError
from alexprep.shards.reader import ShardReader
from alextrain.data.ahead import Batch, cut
from alextrain.data.loader import ShardPictures
from alextrain.errors import DeviceError

AHEAD = 4  # batches whose bytes are read beside the one that is handed out


class NvjpegLoader:
    """Batches of a split of JPEG shards, decoded on the device; `Ahead` without the same pixels.

    Args:
        reader: The split; it stays open when the loader is closed.
        batch_size: Samples in a batch; the last one has what is left.
        device: A CUDA device. On the CPU torchvision decodes by libjpeg, which is for tests.
        threads: How many read.

    Raises:
        DeviceError: the shards are not JPEG, or torchvision cannot decode on this device.
    """

    def __init__(
        self, reader: ShardReader, batch_size: int, device: torch.device, threads: int
    ) -> None:
        self.wait_seconds = 0.0  # that consumers have waited for bytes and for decoding, in all
        self._reader = reader
        self._batch_size = batch_size
        self._device = device
        self._check()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="alextrain-reader")

    def batches(self, numbers: NDArray[np.int64]) -> Iterator[Batch]:
        """Yield the batches of these samples, in order, on the device.

        Raises:
            ShardError: a sample cannot be read or decoded; raised when its batch is due.
        """
        yield from self.parts(cut(numbers, self._batch_size))

    def parts(self, parts: Sequence[NDArray[np.int64]]) -> Iterator[Batch]:
        """Yield a batch for each of these runs of sample numbers, in order; a run may be empty.

        Raises:
            ShardError: a sample cannot be read or decoded; raised when its batch is due.
        """
        waiting: deque[tuple[NDArray[np.int64], Future[list[Tensor]]]] = deque()
        try:
            for numbers in parts:
                waiting.append((numbers, self._pool.submit(self._read, numbers)))
                if len(waiting) > AHEAD:
                    yield self._finish(*waiting.popleft())
            while waiting:
                yield self._finish(*waiting.popleft())
        finally:
            for _, task in waiting:
                task.cancel()

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _read(self, numbers: NDArray[np.int64]) -> list[Tensor]:
        """Return the encoded images, uint8 [bytes] each."""
        images = (bytearray(self._reader.read(number)) for number in numbers.tolist())
        return [torch.frombuffer(image, dtype=torch.uint8) for image in images]

    def _finish(self, numbers: NDArray[np.int64], task: Future[list[Tensor]]) -> Batch:
        begin = time.perf_counter()
        try:
            images = self._decode(numbers, task.result())
        finally:
            self.wait_seconds += time.perf_counter() - begin
        labels = torch.from_numpy(self._reader.labels[numbers].astype(np.int64))
        return Batch(images, labels.to(self._device))

    def _decode(self, numbers: NDArray[np.int64], encoded: list[Tensor]) -> Tensor:
        size = self._reader.size
        if not encoded:
            return torch.empty((0, size, size, 3), dtype=torch.uint8, device=self._device)
        try:
            images = _decode_jpegs(encoded, self._device)
            if {image.shape for image in images} != {(3, size, size)}:
                raise RuntimeError("an image of another size")
        except RuntimeError as error:
            self._name_the_culprit(numbers, error)
        return torch.stack(images).permute(0, 2, 3, 1).contiguous()

    def _name_the_culprit(self, numbers: NDArray[np.int64], error: RuntimeError) -> NoReturn:
        """Let the exact decoder say which sample is damaged.

        Raises:
            ShardError: names the shard and the key of the sample; or says that the exact decoder
                finds nothing wrong.
        """
        size = self._reader.size
        scratch = np.empty((len(numbers), size, size, 3), np.uint8)
        ShardPictures(self._reader).fill(numbers, scratch)
        raise ShardError(
            f"{self._reader.folder}: nvJPEG fails ({_first_line(error)}) on a batch that libjpeg "
            "decodes; use --decode cpu"
        ) from error

    def _check(self) -> None:
        """See whether such shards can be decoded on such a device, by one image of our own."""
        if self._reader.extension != "jpg":
            raise DeviceError(
                f"--decode cuda decodes JPEG, and {self._reader.folder} holds "
                f"{self._reader.extension.upper()}; use --decode cpu"
            )
        image = simplejpeg.encode_jpeg(np.zeros((16, 16, 3), np.uint8))
        try:
            _decode_jpegs([torch.frombuffer(bytearray(image), dtype=torch.uint8)], self._device)
        except (RuntimeError, ImportError, AttributeError) as error:
            raise DeviceError(
                f"--decode cuda: torchvision cannot decode on {self._device} "
                f"({_first_line(error)}); use --decode cpu"
            ) from error


def _decode_jpegs(encoded: list[Tensor], device: torch.device) -> list[Tensor]:
    """Decode uint8 [bytes] each to uint8 [3, h, w] each, RGB on the device."""
    from torchvision.io import ImageReadMode, decode_jpeg  # noqa: PLC0415  # not before it is asked

    with warnings.catch_warnings():
        # from 0.29 on; its successor, torchcodec, is another package
        warnings.simplefilter("ignore", DeprecationWarning)
        images: list[Tensor] = decode_jpeg(encoded, ImageReadMode.RGB, device)
    return images


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
