"""Classes per shard against chance: exact where it can be counted, and sorted shards are named."""

import numpy as np
import pytest

from alexprep.building.build import build
from alexprep.shards.mixing import mixing
from alexprep.shards.reader import ShardReader
from tests.alexprep.sets import plan_of


def drawn(times, labels, sizes, seed=0):
    draw = np.random.default_rng(seed)
    return [mixing(draw.permutation(labels), sizes) for _ in range(times)]


CASES = {
    "even": (np.repeat(np.arange(6), 10), np.full(5, 12)),
    "uneven classes": (np.repeat(np.arange(5), [30, 3, 9, 1, 17]), np.full(6, 10)),
    "uneven both": (np.repeat(np.arange(4), [25, 5, 8, 2]), np.array([20, 3, 10, 7])),
}


@pytest.mark.parametrize(("labels", "sizes"), CASES.values(), ids=CASES)
def test_what_chance_gives_is_what_permutations_give(labels, sizes):
    found = drawn(3000, labels, sizes)
    values = [one.chi_square for one in found]
    assert np.mean(values) == pytest.approx(found[0].expected, rel=0.02)
    assert np.std(values) == pytest.approx(found[0].deviation, rel=0.06)
    classes = np.mean([one.found for one in found], axis=0)
    assert classes == pytest.approx(found[0].by_chance, abs=0.08)
    assert sum(one.is_mixed for one in found) >= 2990


def test_chi_square_is_that_of_the_table():
    labels, sizes = np.array([0, 0, 1, 2, 1, 0, 2, 2]), np.array([3, 5])
    table = np.array([[2, 1, 0], [1, 1, 3]])
    expected = table.sum(1, keepdims=True) * table.sum(0) / 8
    assert mixing(labels, sizes).chi_square == pytest.approx(
        ((table - expected) ** 2 / expected).sum()
    )


def test_sorted_shards_are_named_and_others_are_not():
    labels, sizes = np.repeat(np.arange(10), 100).astype(np.int32), np.full(10, 100)
    found = mixing(labels, sizes)
    assert not found.is_mixed
    assert found.poor == list(range(10))
    assert found.sentence().startswith("NOT mixed: shards differ in classes; 1.0 of 10 classes")
    names = [f"train-{number:06d}.tar" for number in range(10)]
    assert found.warning(names).startswith(
        "warning: classes are not mixed over the shards (train-000000.tar, train-000001.tar, "
        "train-000002.tar and 7 more): 1.0 of 10 in a shard, 10.0 by chance; "
    )
    one_bad = np.random.default_rng(0).permutation(labels)
    one_bad[300:400] = 7
    assert mixing(one_bad, sizes).poor == [3]
    assert "(train-000003.tar)" in mixing(one_bad, sizes).warning(names)


def test_our_own_sets_are_mixed(raw, target):
    build(plan_of(raw), target, jobs=1)
    reader = ShardReader(target, "train")
    found = mixing(reader.labels, reader.shard_sizes)
    assert found.is_mixed
    assert found.poor == []
    assert found.warning([]) is None
    assert found.sentence().startswith("mixed as by chance; ")


@pytest.mark.parametrize(("labels", "sizes"), [([0, 1, 0], [3]), ([0] * 9, [3, 3, 3]), ([], [0])])
def test_one_shard_or_one_class_has_nothing_to_mix(labels, sizes):
    found = mixing(np.array(labels, np.int32), np.array(sizes))
    assert found.is_mixed
    assert "nothing to mix" in found.sentence()


def test_a_shard_of_bad_files_alone_does_no_harm():
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(4), 25)).astype(np.int32)
    assert mixing(labels, np.array([50, 0, 50])).is_mixed
