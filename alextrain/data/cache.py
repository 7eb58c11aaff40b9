"""Keep a decoded split as uint8 where it fits: on the GPU, else in RAM. Then nothing is decoded."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alexprep.shards.reader import ShardReader
from alextrain.data.ahead import Ahead, Batch, BatchLoader, cut
from alextrain.data.loader import Loader, decoding_threads
from alextrain.data.nvjpeg import NvjpegLoader
from alextrain.errors import DeviceError

CACHES = ("auto", "device", "ram", "off")
SHARE = 0.5  # of the free memory that `auto` takes at most: the rest is for training
MARGIN = 2 << 30  # bytes that stay free when the user insists


class RamPictures:
    """The pictures of a split, decoded before."""

    def __init__(self, images: NDArray[np.uint8], labels: NDArray[np.int32]) -> None:
        self.images = images  # uint8 [n, S, S, 3]
        self.size = images.shape[1]
        self.labels = labels

    def fill(self, numbers: NDArray[np.int64], out: NDArray[np.uint8]) -> None:
        """Copy samples into `out`, uint8 [len(numbers), S, S, 3]."""
        # As fast as np.take, which would have to clip wrong numbers to write straight into `out`.
        for i, number in enumerate(numbers.tolist()):
            out[i] = self.images[number]


class DeviceLoader:
    """Batches of a split that lies decoded on the device; they are gathered there.

    Args:
        images: uint8 [n, S, S, 3] on the device.
        labels: int32 [n].
        batch_size: Samples in a batch; the last one has what is left.
    """

    def __init__(self, images: Tensor, labels: NDArray[np.int32], batch_size: int) -> None:
        self.wait_seconds = 0.0  # nothing is ever waited for
        self._images = images
        self._labels = torch.from_numpy(labels.astype(np.int64)).to(images.device)
        self._batch_size = batch_size

    def batches(self, numbers: NDArray[np.int64]) -> Iterator[Batch]:
        """Yield the batches of these samples, in order, on the device."""
        yield from self.parts(cut(numbers, self._batch_size))

    def parts(self, parts: Sequence[NDArray[np.int64]]) -> Iterator[Batch]:
        """Yield a batch for each of these runs of sample numbers, in order, on the device."""
        numbers = np.concatenate(parts) if parts else np.empty(0, np.int64)
        places = torch.from_numpy(np.ascontiguousarray(numbers, np.int64)).to(self._images.device)
        for rows in torch.split(places, [len(part) for part in parts]):
            yield Batch(self._images.index_select(0, rows), self._labels.index_select(0, rows))

    def close(self) -> None:
        """Do nothing: there are no threads."""


def open_loader(  # noqa: PLR0913  # what the user may say of loading
    reader: ShardReader,
    batch_size: int,
    device: torch.device,
    *,
    cache: str = "auto",
    threads: int | None = None,
    processes: int = 1,
    decode: str = "cpu",
    on_decoded: Callable[[int], object] | None = None,
) -> tuple[BatchLoader, str]:
    """Open the fastest loader that the memory allows.

    All of them give the same batches, but for decode "cuda", whose pixels differ slightly.

    Args:
        reader: The split; with "off" it must stay open as long as the loader.
        batch_size: Samples in a batch.
        device: Where the network is; batches come from pinned memory if it is CUDA.
        cache: "auto", "device", "ram" or "off".
        threads: How many decode; None: see `loader.decoding_threads`.
        processes: Of the job on this machine: each keeps its own, and takes its share of the cores.
        decode: "cpu" or "cuda": by nvJPEG, anew in each epoch.
        on_decoded: Hears the number of images decoded since it was last called, while the cache
            is filled.

    Returns:
        The loader, and where the decoded split lies: "device", "ram", "off", or "nvjpeg" where the
        GPU decodes.

    Raises:
        DeviceError: "device" or "ram" was asked for and there is no room, or no such memory; "cuda"
            without a GPU, of PNG, or with a cache.
    """
    gpu = device.type == "cuda"
    threads = decoding_threads(gpu=gpu, processes=processes) if threads is None else threads
    if decode == "cuda":
        _check_decode(device, cache)
        return NvjpegLoader(reader, batch_size, device, threads), "nvjpeg"
    room = free_in_ram()
    in_ram = None if room is None else room // processes
    place = choose(cache, cached_bytes(reader), free_on_device(device), in_ram)
    loader = Loader(reader, batch_size, threads, pin=gpu)
    if place == "off":
        return loader, place
    try:
        images = _decode_all(loader, reader, device if place == "device" else None, on_decoded)
    finally:
        loader.close()
    if place == "device":
        return DeviceLoader(images, reader.labels, batch_size), place
    kept = RamPictures(images.numpy(), reader.labels)
    return Ahead(kept, batch_size, threads, pin=gpu), place


def _check_decode(device: torch.device, cache: str) -> None:
    if device.type != "cuda":
        raise DeviceError(
            f"--decode cuda needs a CUDA GPU, and the network is on {device}; use --decode cpu"
        )
    if cache in ("device", "ram"):
        raise DeviceError(
            f"--decode cuda decodes anew in each epoch, and --cache {cache} decodes once and "
            "exactly; leave out one of the two"
        )


def choose(cache: str, need: int, on_device: int | None, in_ram: int | None) -> str:
    """Choose where a decoded split is kept.

    Args:
        cache: "auto", "device", "ram" or "off".
        need: Bytes of the decoded split.
        on_device: Free bytes of the GPU; None where the device is not CUDA.
        in_ram: Free bytes of RAM; None where the system does not say.

    Returns:
        "device", "ram" or "off". "auto" takes at most half of what is free.

    Raises:
        DeviceError: what was asked for does not fit, or is not there.
    """
    if cache not in CACHES:
        raise DeviceError(f"--cache {cache!r} is unknown; choose {', '.join(CACHES)}")
    if cache == "off":
        return "off"
    if cache == "auto":
        rooms = (("device", on_device), ("ram", in_ram))
        return next((name for name, free in rooms if free and need <= SHARE * free), "off")
    free = on_device if cache == "device" else in_ram
    if cache == "device" and free is None:
        raise DeviceError(
            "--cache device needs a CUDA GPU; use --cache ram, or auto to have it chosen"
        )
    if free is not None and need + MARGIN > free:
        raise DeviceError(
            f"--cache {cache}: the decoded split takes {need / 1e9:.1f} GB and {free / 1e9:.1f} GB "
            f"are free, of which {MARGIN / 1e9:.1f} GB stay free for training; use --cache auto"
        )
    return cache


def cached_bytes(reader: ShardReader) -> int:
    """Return the bytes of a decoded split."""
    return len(reader) * reader.size * reader.size * 3


def free_on_device(device: torch.device) -> int | None:
    """Return the free bytes of a CUDA device, None for another one."""
    if device.type != "cuda":
        return None
    return int(torch.cuda.mem_get_info(device)[0])


def free_in_ram() -> int | None:
    """Return the bytes of RAM that may be used, a container's limit included; None if unknown."""
    free = _available()
    limit, used = (_number(f"/sys/fs/cgroup/memory.{name}") for name in ("max", "current"))
    if limit is None or used is None:
        return free
    return max(0, limit - used) if free is None else max(0, min(free, limit - used))


def free_for(device: torch.device, processes: int = 1) -> int | None:
    """Return the bytes that one of `processes` may use where it computes; None if unknown."""
    if device.type == "cuda":
        return free_on_device(device)
    free = free_in_ram()
    return None if free is None else free // processes


def _available() -> int | None:
    if sys.platform != "linux":
        return None
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _number(path: str) -> int | None:
    try:
        text = Path(path).read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None  # "max": no limit


def _decode_all(
    loader: Loader,
    reader: ShardReader,
    device: torch.device | None,
    on_decoded: Callable[[int], object] | None,
) -> Tensor:
    """Return the decoded split, uint8 [n, S, S, 3] on the device, None: in RAM."""
    shape = (len(reader), reader.size, reader.size, 3)
    if device is None:
        images = torch.from_numpy(np.empty(shape, np.uint8))
    else:
        images = torch.empty(shape, dtype=torch.uint8, device=device)
    begin = 0
    for batch in loader.batches(np.arange(len(reader))):
        images[begin : begin + len(batch.labels)].copy_(batch.images, non_blocking=True)
        begin += len(batch.labels)
        if on_decoded is not None:
            on_decoded(len(batch.labels))
    return images
