"""In what order an epoch reads the samples of a split: a pure function, so also exact to resume."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from alextrain.data.stream import SAMPLE_ORDER, SHARD_ORDER, permutation, raw_words


def epoch_order(
    seed: int, epoch: int, shard_sizes: NDArray[np.int64], window: int = 100_000
) -> NDArray[np.int64]:
    """Return the order of an epoch: every sample of the split once.

    The shards are permuted and gathered into windows of whole shards, then the samples are
    permuted inside each window. A set of fewer samples than two windows is permuted whole;
    ImageNet is read window by window, which suits disks, network file systems and page caches
    smaller than the set.

    The loader has no state but the number of samples seen in the epoch: an interrupted epoch goes
    on with `epoch_order(...)[seen:]`.

    Args:
        seed: Of the run.
        epoch: From 0.
        shard_sizes: Samples in each shard, int64 [shards].
        window: Least number of samples in a window, 1 or more.

    Returns:
        Sample numbers int64 [n], 0 to n - 1; numbers count through the split shard by shard.
    """
    shards = permutation(raw_words(SHARD_ORDER, seed, epoch, 0, len(shard_sizes)))
    sizes = np.asarray(shard_sizes, np.int64)
    first = np.cumsum(sizes) - sizes  # number of each shard's first sample
    placed = np.cumsum(sizes[shards]) - sizes[shards]  # where each shard begins in the epoch
    numbers = np.repeat(first[shards] - placed, sizes[shards]) + np.arange(sizes.sum())
    words = raw_words(SAMPLE_ORDER, seed, epoch, 0, len(numbers))
    for begin, end in windows(sizes[shards], window):
        numbers[begin:end] = numbers[begin:end][permutation(words[begin:end])]
    return numbers


def windows(shard_sizes: NDArray[np.int64], window: int) -> list[tuple[int, int]]:
    """Cut an epoch into windows of whole shards.

    Args:
        shard_sizes: Samples in each shard, in the order in which they are read.
        window: Least number of samples in a window. What is left at the end and too small for a
            window of its own belongs to the last one.

    Returns:
        (begin, end) of each window, positions in the epoch.
    """
    assert window >= 1, window
    ends = [0]
    for end in np.cumsum(shard_sizes).tolist():
        if end - ends[-1] >= window:
            ends.append(end)
    total = int(np.sum(shard_sizes))
    if len(ends) > 1:
        ends[-1] = total
    elif total > 0:
        ends.append(total)
    return list(pairwise(ends))
