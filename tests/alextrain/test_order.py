import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alextrain.data.order import epoch_order, windows
from alextrain.data.stream import AUGMENTATION, SAMPLE_ORDER, raw_words

SIZES = st.lists(st.integers(0, 40), max_size=12).map(lambda sizes: np.array(sizes, np.int64))
SEED = st.integers(0, 2**64 - 1)


def philox_block(counter, key):
    """Four words of Philox4x64-10, written from the paper (Salmon et al. 2011, section 3.4)."""
    multipliers = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
    weyl = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
    mask = 2**64 - 1
    a, b, c, d = counter
    k0, k1 = key
    for _ in range(10):
        low, high = multipliers[0] * a, multipliers[1] * c
        a, b, c, d = (high >> 64) ^ b ^ k0, high & mask, (low >> 64) ^ d ^ k1, low & mask
        k0, k1 = (k0 + weyl[0]) & mask, (k1 + weyl[1]) & mask
    return [a, b, c, d]


def test_words_are_those_of_philox_at_their_counter():
    seed, epoch = 2**63 + 5, 7
    words = raw_words(AUGMENTATION, seed, epoch, 40, 8)
    # numpy counts up before it makes the first block
    blocks = [philox_block((n + 1, 0, 0, AUGMENTATION), (seed, epoch)) for n in (10, 11)]
    assert words.tolist() == blocks[0] + blocks[1]


def test_streams_seeds_and_epochs_share_no_words():
    places = [
        (AUGMENTATION, 0, 0),
        (SAMPLE_ORDER, 0, 0),
        (AUGMENTATION, 1, 0),
        (AUGMENTATION, 0, 1),
    ]
    words = np.concatenate([raw_words(*place, 0, 1000) for place in places])
    assert len(np.unique(words)) == 4000


@given(seed=SEED, epoch=st.integers(0, 10**6), sizes=SIZES, window=st.integers(1, 300))
def test_an_epoch_is_a_permutation_of_the_samples(seed, epoch, sizes, window):
    order = epoch_order(seed, epoch, sizes, window)
    assert order.dtype == np.int64
    assert np.array_equal(np.sort(order), np.arange(sizes.sum()))


@given(sizes=SIZES, window=st.integers(1, 300))
def test_windows_tile_the_epoch_and_none_is_too_small(sizes, window):
    found = windows(sizes, window)
    total = int(sizes.sum())
    edges = [0, *(end for _, end in found)]
    assert [begin for begin, _ in found] == edges[:-1]
    assert edges[-1] == total
    assert all(end - begin >= min(window, total) for begin, end in found)


@given(seed=SEED, epoch=st.integers(0, 50), sizes=SIZES, window=st.integers(1, 100))
def test_a_window_holds_whole_shards(seed, epoch, sizes, window):
    order = epoch_order(seed, epoch, sizes, window)
    shard_of = np.repeat(np.arange(len(sizes)), sizes)[order]
    # Found from the order alone: a cut is a place where no shard is on both sides. Every window
    # ends at a cut, and none of the pieces between is longer than a window and its last shard.
    last_seen = {shard: i for i, shard in enumerate(shard_of)}
    open_until, cuts = 0, [0]
    for i, shard in enumerate(shard_of):
        open_until = max(open_until, last_seen[shard])
        if i == open_until:
            cuts.append(i + 1)
    longest = max(sizes, default=0)
    assert (np.diff(cuts) < 2 * window + longest).all()


def test_a_set_smaller_than_two_windows_is_permuted_whole():
    order = epoch_order(0, 0, np.array([500, 500, 500]), 1000)
    halves = [set(order[:750] // 500), set(order[750:] // 500)]
    assert halves == [{0, 1, 2}, {0, 1, 2}]


def test_epochs_and_seeds_order_differently():
    sizes = np.array([400, 400])
    orders = [epoch_order(seed, epoch, sizes) for seed in (0, 1) for epoch in (0, 1)]
    same = [(a == b).mean() for i, a in enumerate(orders) for b in orders[:i]]
    assert max(same) < 0.02


def test_shards_are_permuted_too():
    first = {int(epoch_order(0, epoch, np.full(10, 100), 100)[0]) // 100 for epoch in range(40)}
    assert len(first) >= 8


def test_the_order_never_changes():
    # An old checkpoint that is continued by a new version must see the same pictures.
    order = epoch_order(3, 2, np.array([3, 4, 2, 5]), 5)
    assert order.tolist() == [0, 3, 6, 1, 4, 2, 5, 9, 11, 7, 8, 10, 13, 12]


@pytest.mark.parametrize("position", [0, 1, 255_000])
def test_every_place_is_equally_likely_for_a_sample(position):
    # 200 seeds, 8 places: 25 each expected, standard deviation 4.7
    places = [
        int(np.flatnonzero(epoch_order(seed, position, np.array([4, 4])) == 5)[0])
        for seed in range(200)
    ]
    assert np.abs(np.bincount(places, minlength=8) - 25).max() < 22
