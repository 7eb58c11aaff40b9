"""Loading for a GPU: threads and simplejpeg on the host, and nvJPEG on the device beside it."""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path

import torch

from alexprep.shards.reader import ShardReader
from alextrain.data.loader import Loader
from alextrain.data.nvjpeg import NvjpegLoader
from alextrain.data.order import epoch_order
from alextrain.data.transfer import to_device
from alextrain.errors import DeviceError
from benchmarks.gpu_step import synchronise
from benchmarks.timing import Row, cores

BATCH = 128
MOST = 20_000  # images of one measurement


def loading(shards: Path, device: torch.device) -> list[Row]:
    """Measure uint8 batches that arrive on the device, by the number of decoding threads."""
    reader = ShardReader(shards, "train")
    counts = sorted({n for n in (1, 2, 4, 8, 16, 32) if n < cores()} | {cores()})
    rows = [
        Row(f"loader, threads: {threads}", "images/s", load(reader, threads, device))
        for threads in counts
    ]
    if device.type == "cuda":
        rows += nvjpeg(reader, device)
    reader.close()
    return rows


def load(reader: ShardReader, threads: int, device: torch.device) -> float:
    """Return images a second of batches that arrive on the device."""
    loader = Loader(reader, BATCH, threads, pin=device.type == "cuda")
    # About the same time for any number of threads
    numbers = epoch_order(0, 0, reader.shard_sizes)[: min(MOST, 2500 * threads)]
    for part in (numbers[: len(numbers) // 4], numbers):  # the first takes buffers, opens files
        begin = time.perf_counter()
        for batch in loader.batches(part):
            to_device(batch, None, device)
        synchronise(device)
        seconds = time.perf_counter() - begin
    loader.close()
    return len(numbers) / seconds


def nvjpeg(reader: ShardReader, device: torch.device) -> list[Row]:
    """Measure the decoder on the device by the threads that read, and how its pixels differ."""
    numbers = epoch_order(0, 0, reader.shard_sizes)[:MOST]
    rows = []
    for threads in sorted({1, 4, cores()}):
        try:
            loader = NvjpegLoader(reader, BATCH, device, threads)
        except DeviceError as error:
            print(f"nvJPEG: left out ({error})", flush=True)
            return []
        for part in (numbers[: 8 * BATCH], numbers):
            begin = time.perf_counter()
            deque(loader.batches(part), maxlen=0)
            synchronise(device)
            seconds = time.perf_counter() - begin
        loader.close()
        rows.append(Row(f"nvJPEG, reading threads: {threads}", "images/s", len(part) / seconds))
    return rows + differences(reader, device)


def differences(reader: ShardReader, device: torch.device) -> list[Row]:
    """Return how far the device's pixels are from the exact ones, over some images."""
    numbers = epoch_order(0, 0, reader.shard_sizes)[: 8 * BATCH]
    exact, other = Loader(reader, BATCH), NvjpegLoader(reader, BATCH, device, 1)
    most, total, differing, values = 0, 0, 0, 0
    for ours, theirs in zip(exact.batches(numbers), other.batches(numbers), strict=True):
        between = (theirs.images.int() - ours.images.to(device).int()).abs()
        most = max(most, int(between.max()))
        total += int(between.sum())
        differing += int((between > 0).sum())
        values += between.numel()
    exact.close()
    other.close()
    return [
        Row("nvJPEG - libjpeg, at most", "levels", most),
        Row("nvJPEG - libjpeg, mean", "levels", total / values),
        Row("nvJPEG - libjpeg, values that differ", "share", differing / values),
    ]
