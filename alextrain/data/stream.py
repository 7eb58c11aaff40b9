"""Raw random streams: Philox numbers by (stream, seed, epoch, position), without any state.

numpy promises for ever the raw 64-bit output of its bit generators, not what its distributions
make of it. So only raw words are taken, and our own arithmetic turns them into numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# One number for each use, so that no two uses share a word.
SHARD_ORDER = 1
SAMPLE_ORDER = 2
AUGMENTATION = 3
DISTORTION = 4

WORDS = 4  # 64-bit words that Philox4x64 makes of one counter


def raw_words(stream: int, seed: int, epoch: int, start: int, count: int) -> NDArray[np.uint64]:
    """Return words `start` to `start + count - 1` of a stream, uint64 [count].

    Args:
        stream: One of the numbers above; the highest word of Philox's counter.
        seed: Of the run, 0 to 2**64 - 1; the first word of Philox's key.
        epoch: From 0; the second word of the key.
        start: A multiple of 4, because a counter gives four words at once.
        count: How many.
    """
    assert start % WORDS == 0, start
    counter = np.array([start // WORDS, 0, 0, stream], np.uint64)
    generator = np.random.Philox(key=np.array([seed, epoch], np.uint64), counter=counter)
    return np.asarray(generator.random_raw(count), np.uint64)


def permutation(words: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the permutation that sorts random words, int64 [n]; equal words keep their order."""
    return np.argsort(words, kind="stable")
