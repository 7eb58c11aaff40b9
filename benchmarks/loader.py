"""Loading: against decoding alone in the same threads, and against webdataset, PIL and torchvision.

    python -m benchmarks.loader [--images 6000] [--threads 2] [--rounds 5] [--results FILE]

Decoding alone is simplejpeg on JPEGs that lie in memory, each thread into one image of its own,
which stays in the cache. The loader reads the same JPEGs from shards, in a permuted order, and
fills batches of 128. The peer is what a tutorial has: webdataset, PIL, RandomCrop, flip, ToTensor
and Normalize in two worker processes; its clock starts with its first batch.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import simplejpeg
import torch
from numpy.typing import NDArray
from torchvision import transforms

from alexprep.shards.reader import ShardReader
from alexprep.threads import usable_cores
from alextrain.data.ahead import BatchLoader
from alextrain.data.cache import open_loader
from alextrain.data.loader import Loader
from alextrain.data.order import epoch_order
from benchmarks.copies import prepared, write_copies
from benchmarks.originals import ORIGINALS, originals
from benchmarks.timing import Row, pairs, report, row

BATCH, AHEAD, SIZE, CROP = 128, 4, 256, 227


def decode_alone(jpegs: list[bytes], threads: int) -> float:
    """Return images/s of decoding alone."""

    def work(first: int) -> None:
        out = np.empty((SIZE, SIZE, 3), np.uint8)
        for data in jpegs[first::threads]:
            simplejpeg.decode_jpeg(data, "RGB", buffer=out)

    start = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))
    return len(jpegs) / (time.perf_counter() - start)


def load(loader: BatchLoader, numbers: NDArray[np.int64]) -> float:
    """Return images/s of an epoch of uint8 batches."""
    start = time.perf_counter()
    count = sum(len(batch.labels) for batch in loader.batches(numbers))
    assert count == len(numbers)
    return count / (time.perf_counter() - start)


def load_like_a_tutorial(folder: Path, images: int) -> float:
    """Return images/s of webdataset with two worker processes, from its first batch on."""
    import webdataset  # noqa: PLC0415 - slow to import, and only the peer needs it

    transform = transforms.Compose(
        [
            transforms.RandomCrop(CROP),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    dataset = (
        webdataset.WebDataset(sorted(map(str, folder.glob("*.tar"))), shardshuffle=False)
        .decode("pil")
        .to_tuple("jpg", "cls")
        .map_tuple(transform, int)
        .batched(BATCH)
    )
    batches = iter(torch.utils.data.DataLoader(dataset, batch_size=None, num_workers=2))
    next(batches)
    start, count = time.perf_counter(), 0
    while count < images - BATCH:
        count += len(next(batches)[1])
    return count / (time.perf_counter() - start)


def anonymous_memory() -> float:
    """Return the anonymous memory of this process, MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024 / 1e6
    return float("nan")


def memory_rows(reader: ShardReader, numbers: NDArray[np.int64], threads: int) -> list[Row]:
    """Return what the loader uses beyond its batches, after one epoch and after three."""
    before = anonymous_memory()
    loader = Loader(reader, BATCH, threads, AHEAD)
    used = []
    for _ in range(3):
        load(loader, numbers)
        used.append(anonymous_memory() - before)
    loader.close()
    batches = (AHEAD + 2) * BATCH * SIZE * SIZE * 3 / 1e6
    return [
        Row("loader: memory beyond its batches", "MB", max(0.0, used[-1] - batches), at_most=100),
        Row("loader: what two more epochs add to it", "MB", used[-1] - used[0], at_most=5),
    ]


def measure(folder: Path, jpegs: list[bytes], threads: int, rounds: int) -> list[Row]:
    """Measure everything on one set of shards of these JPEGs."""
    reader = ShardReader(folder, "train")
    numbers = epoch_order(0, 0, reader.shard_sizes)
    shuffled = [jpegs[number % len(jpegs)] for number in numbers.tolist()]
    rows = memory_rows(reader, numbers, threads)
    loader = Loader(reader, BATCH, threads, AHEAD)
    load(loader, numbers)
    where = f"{threads} threads"
    alone = pairs(lambda: load(loader, numbers), lambda: decode_alone(shuffled, threads), rounds)
    rows.append(row("loader / decoding alone", "images/s", alone, at_least=0.95, note=where))
    peer = pairs(
        lambda: load(loader, numbers), lambda: load_like_a_tutorial(folder, len(numbers)), 3
    )
    rows.append(row("loader / webdataset, 2 workers", "images/s", peer, at_least=5, note=where))
    loader.close()
    kept, _ = open_loader(reader, BATCH, torch.device("cpu"), cache="ram", threads=threads)
    cached = pairs(lambda: load(kept, numbers), lambda: decode_alone(shuffled, threads), rounds)
    rows.append(row("--cache ram / decoding alone", "images/s", cached, at_least=6, note=where))
    kept.close()
    return rows


def main() -> None:
    """Measure and print everything."""
    parser = argparse.ArgumentParser(description="Measure loading.")
    parser.add_argument("--originals", type=Path, default=ORIGINALS)
    parser.add_argument("--images", type=int, default=6000)
    parser.add_argument("--threads", type=int, default=min(16, usable_cores()))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--results", type=Path)
    options = parser.parse_args()
    jpegs = prepared(list(originals(options.originals).values()), SIZE)
    with tempfile.TemporaryDirectory() as work:
        folder = write_copies(jpegs, Path(work) / "shards", options.images, SIZE)
        report(measure(folder, jpegs, options.threads, options.rounds), options.results)


if __name__ == "__main__":
    main()
