"""What a run reads: what is held out, what is refused, what is said."""

from dataclasses import replace

import numpy as np
import pytest

from alexprep.errors import ShardError, StatisticsError
from alexprep.shards.statistics import Statistics
from alextrain.errors import RecipeError
from alextrain.training.sets import hold_out, open_sets

from .small_runs import MACHINE, fit, recipe
from .small_shards import SIZE, encode, picture, write_set, write_statistics, write_trainable


@pytest.mark.parametrize("by_class", [True, False])
def test_shards_that_are_sorted_by_class_are_named(tmp_path, by_class):
    images = [[encode(picture(i, SIZE))] * 9 for i in range(3)]
    labels = {"label_of": lambda i: i // 9} if by_class else {}
    folder = write_set(tmp_path / "shards", {"train": images}, size=SIZE, **labels)
    write_statistics(folder)
    notes = open_sets(folder, recipe(), MACHINE).notes
    warnings = [note for note in notes if "classes are not mixed over the shards" in note]
    assert len(warnings) == by_class
    assert all("(train-000000.tar, train-000001.tar, train-000002.tar)" in w for w in warnings)


def test_held_out_images_are_validated_on_and_never_trained_on(shards, tmp_path):
    given = recipe(holdout=0.2)
    sets = open_sets(shards, given, MACHINE)
    kept = set(sets.validation.numbers.tolist())
    assert len(kept) == 4
    for epoch in range(3):
        order = sets.order(given, epoch).tolist()
        assert sorted(order) == sorted(set(range(22)) - kept)
    assert np.array_equal(sets.kept_out, hold_out(given.seed, 22, 0.2))
    _, listener, _ = fit(shards, tmp_path / "run", recipe(holdout=0.2, epochs=1))
    assert listener.epochs[0]["split"] == "held out"


@pytest.mark.parametrize("share", [0.01, 0.99])
def test_a_holdout_that_leaves_nothing_on_one_side_is_refused(shards, share):
    with pytest.raises(RecipeError, match=r"keeps (0|22) of 22 images out of training"):
        open_sets(shards, recipe(holdout=share), MACHINE)


def test_sets_that_cannot_be_trained_on_are_refused(tmp_path, shards):
    only_val = tmp_path / "val"
    write_set(only_val, {"val": [[encode(picture(0, SIZE))]]}, size=SIZE)
    with pytest.raises(ShardError, match=r"has no train split \(it has val\)"):
        open_sets(only_val, recipe(), MACHINE)
    no_stats = tmp_path / "nostats"
    write_set(no_stats, {"train": [[encode(picture(0, SIZE))]]}, size=SIZE)
    with pytest.raises(StatisticsError, match="is missing; make it with `alexprep stats"):
        open_sets(no_stats, recipe(), MACHINE)
    (no_stats / "stats.npz").write_bytes((shards / "stats.npz").read_bytes())
    with pytest.raises(StatisticsError, match="belongs to other shards"):
        open_sets(no_stats, recipe(), MACHINE)


def test_statistics_of_another_split_are_refused(tmp_path):
    folder = write_trainable(tmp_path / "shards")
    ours = Statistics.load(folder / "stats.npz")
    replace(ours, split="val").save(folder / "stats.npz")
    with pytest.raises(StatisticsError, match="measures val, and training takes the mean of train"):
        open_sets(folder, recipe(), MACHINE)
    replace(ours, split="train+val").save(folder / "stats.npz")
    assert open_sets(folder, recipe(), MACHINE).train_samples == 22


def test_classes_without_an_image_to_train_on_are_named(tmp_path):
    images = [encode(picture(i, SIZE)) for i in range(6)]
    write_set(tmp_path, {"train": [images]}, SIZE, label_of=lambda i: 2 * (i % 2))
    write_statistics(tmp_path)
    sets = open_sets(tmp_path, recipe(), MACHINE, workers=1)
    sets.train.close()
    (note,) = [note for note in sets.notes if "no image to train on" in note]
    assert note == "1 class has no image to train on, so never learnt: n00000002"
