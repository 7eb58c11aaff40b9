"""Loading for a GPU: threads and simplejpeg on the host, and nvJPEG on the device beside it."""

from __future__ import annotations

import time
import warnings
from pathlib import Path

import torch
from torchvision import io

from alexprep.shards.reader import ShardReader
from alextrain.data.loader import Loader
from alextrain.data.order import epoch_order
from alextrain.data.transfer import to_device
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
    """Measure torchvision's batch decoder on the device; its pixels differ slightly from ours."""
    numbers = epoch_order(0, 0, reader.shard_sizes)[:MOST].tolist()
    try:
        for part in (numbers[: 8 * BATCH], numbers):
            begin = time.perf_counter()
            for start in range(0, len(part), BATCH):
                batch = part[start : start + BATCH]
                _decode([reader.read(number) for number in batch], device)
            synchronise(device)
            seconds = time.perf_counter() - begin
    except (RuntimeError, AttributeError) as error:
        print(f"nvJPEG: left out ({str(error).splitlines()[0]})", flush=True)
        return []
    return [Row("nvJPEG, one thread that reads", "images/s", len(numbers) / seconds)]


def _decode(images: list[bytes], device: torch.device) -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchvision's, of what it will drop one day
        encoded = [torch.frombuffer(bytearray(image), dtype=torch.uint8) for image in images]
        return torch.stack(io.decode_jpeg(encoded, io.ImageReadMode.RGB, device))
