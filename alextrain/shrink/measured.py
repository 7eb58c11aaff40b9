"""What a smaller network costs and gains: errors on a split, bytes, time; one table."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from alexprep.shards.reader import ShardReader
from alextrain.data.loader import Loader
from alextrain.training.metrics import Counts, Tally

BATCH = 32  # images of the second time
ROUNDS = 15  # of which the median counts

Forward = Callable[[NDArray[np.uint8]], NDArray[np.float32]]  # squares to probabilities


@dataclass(frozen=True)
class Candidate:
    """One form of a network."""

    name: str
    bytes: int  # of its file
    forward: Forward


@dataclass(frozen=True)
class Row:
    """What was measured of one form."""

    name: str
    bytes: int
    split: str
    images: int
    top1_wrong: int
    top5_wrong: int
    top_k: int
    one_ms: float  # for one image
    batch_ms: float  # for BATCH images

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, errors among them."""
        top1, top5 = self.top1_wrong / self.images, self.top5_wrong / self.images
        return asdict(self) | {"top1_error": top1, "top5_error": top5}


def measure(
    candidates: Sequence[Candidate],
    reader: ShardReader,
    *,
    workers: int | None = None,
    on_images: Callable[[str, int, int], object] = lambda *_: None,
) -> list[Row]:
    """Count each candidate's errors, then time all of them in turn.

    Args:
        candidates: The first is what the others are compared with.
        reader: The split; one view (the centre).
        workers: Threads that decode.
        on_images: Hears (candidate, images done, images in all).
    """
    counts = [_count(one, reader, workers, on_images) for one in candidates]
    images = np.zeros((BATCH, reader.size, reader.size, 3), np.uint8)
    images[:] = np.arange(reader.size, dtype=np.uint8)[None, :, None, None]
    one, batch = _times(candidates, images[:1]), _times(candidates, images)
    return [
        Row(
            name=candidate.name,
            bytes=candidate.bytes,
            split=reader.split,
            images=found.images,
            top1_wrong=found.images - found.top1,
            top5_wrong=found.images - found.top5,
            top_k=found.top_k,
            one_ms=one[i],
            batch_ms=batch[i],
        )
        for i, (candidate, found) in enumerate(zip(candidates, counts, strict=True))
    ]


def _count(
    candidate: Candidate,
    reader: ShardReader,
    workers: int | None,
    on_images: Callable[[str, int, int], object],
) -> Counts:
    loader, tally = Loader(reader, BATCH, threads=workers), Tally()
    try:
        for batch in loader.batches(np.arange(len(reader))):
            found = torch.from_numpy(candidate.forward(batch.images.numpy()))
            tally.add(found.clamp_min(1e-38).log(), batch.labels)
            on_images(candidate.name, tally.images, len(reader))
    finally:
        loader.close()
    return tally.result()


def _times(candidates: Sequence[Candidate], images: NDArray[np.uint8]) -> list[float]:
    """Return medians in milliseconds; the candidates take turns, so that a busy spell hits all."""
    taken: list[list[float]] = [[] for _ in candidates]
    for number in range(ROUNDS + 2):
        for times, candidate in zip(taken, candidates, strict=True):
            began = time.perf_counter()
            candidate.forward(images)
            if number >= 2:  # the first two warm up
                times.append(1000 * (time.perf_counter() - began))
    return [statistics.median(times) for times in taken]


def table(rows: Sequence[Row]) -> str:
    """Return rows as text; the first is what the others are compared with."""
    first = rows[0]
    head = ["", "top-1 error", "", f"top-{first.top_k} error", "MB", "", "1 image", ""]
    lines = [[*head, f"{BATCH} images", ""]]
    for row in rows:
        error, before = row.to_dict()["top1_error"], first.to_dict()["top1_error"]
        lines.append(
            [
                row.name,
                f"{error:.2%}",
                "" if row is first else f"{100 * (error - before):+.2f} points",
                f"{row.to_dict()['top5_error']:.2%}",
                f"{row.bytes / 1e6:.1f}",
                "" if row is first else f"x{row.bytes / first.bytes:.2f}",
                f"{row.one_ms:.2f} ms",
                "" if row is first else f"x{row.one_ms / first.one_ms:.2f}",
                f"{row.batch_ms:.1f} ms",
                "" if row is first else f"x{row.batch_ms / first.batch_ms:.2f}",
            ]
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = []
    for cells in lines:
        rest = [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
        text.append("  ".join([cells[0].ljust(widths[0]), *rest]).rstrip())
    images = f"{first.images:,} images of {first.split}, 1 view"
    threads = torch.get_num_threads()
    of_them = "1 thread" if threads == 1 else f"{threads} threads"
    return "\n".join([*text, f"{images}; CPU, {of_them}, medians of {ROUNDS} in turn"])
