import os
import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alexprep.errors import RawError
from alexprep.planning.plan import make_plan, permutation, shard_lengths
from alexprep.raw.detect import open_raw
from alexprep.settings import PrepSettings
from tests.alexprep.rawsets import WORDS, tree, write_folders, write_official, write_tar

SETTINGS = PrepSettings(shard_size=4, seed=5)
# What this program gave when it was written; shards made since depend on it.
PERMUTATION = [2, 5, 9, 6, 1, 10, 8, 0, 4, 7, 3, 11]
LARGEST_SEED = [2, 1, 3, 0, 4]
ORIGINALS = "9f45d12a47d9954e2a623becf9f88eb25975a94ef8d373f13e1da4cb7679e963"


@pytest.fixture
def raw(tmp_path):
    return open_raw(write_folders(tmp_path / "raw", tree()))


def flat(plan, split="train"):
    return [sample for task in plan.tasks if task.split == split for sample in task.samples]


def test_every_source_is_planned_once_with_its_own_label(raw):
    plan = make_plan(raw, SETTINGS)
    for split, sources in raw.splits.items():
        samples = flat(plan, split)
        assert sorted(sample.source.name for sample in samples) == [s.name for s in sources]
        for sample in samples:
            assert plan.classes[sample.label] == sample.source.class_name
            assert sample.key.startswith(sample.source.class_name + "/")
    assert (plan.samples(), plan.samples("val")) == (19, 4)


def test_tasks_are_numbered_from_zero_in_each_split(raw):
    plan = make_plan(raw, SETTINGS)
    assert [(task.name, len(task.samples)) for task in plan.tasks] == [
        ("train-000000", 4),
        ("train-000001", 4),
        ("train-000002", 4),
        ("train-000003", 3),
        ("val-000000", 4),
    ]


def test_samples_lie_in_the_order_of_the_permutation(raw):
    order = permutation(5, "train", 15)
    names = [raw.splits["train"][position].name for position in order]
    assert [sample.source.name for sample in flat(make_plan(raw, SETTINGS))] == names


def test_the_permutation_is_the_same_for_ever():
    assert permutation(0, "train", 12).tolist() == PERMUTATION
    assert permutation(2**63 - 1, "val", 5).tolist() == LARGEST_SEED


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(0, 2**63 - 1), st.sampled_from(["train", "val"]), st.integers(1, 200))
def test_a_permutation_has_every_number_once_and_depends_on_seed_and_split(seed, split, count):
    order = permutation(seed, split, count)
    assert sorted(order) == list(range(count))
    if count > 20:
        assert not np.array_equal(order, permutation(seed ^ 1, split, count))
        assert not np.array_equal(order, permutation(seed, "test", count))


@settings(deadline=None)
@given(st.integers(1, 2_000_000), st.none() | st.integers(20, 20_000))
def test_shards_differ_by_one_sample_at_most_and_keep_their_bounds(count, shard_size):
    lengths = shard_lengths(count, shard_size)
    assert sum(lengths) == count
    assert max(lengths) - min(lengths) <= 1
    assert min(lengths) >= 1
    assert max(lengths) <= (shard_size or 5_000)
    if shard_size is None:
        assert min(lengths) >= min(count, 64)
        assert len(lengths) >= 64 or count < 64 * 64


@pytest.mark.parametrize(
    ("count", "shards"),
    [(1, 1), (127, 1), (128, 2), (4_095, 63), (4_096, 64), (320_000, 64), (320_001, 65)],
)
def test_automatic_shards_are_64_where_that_leaves_64_samples_in_each(count, shards):
    assert len(shard_lengths(count, None)) == shards


def test_imagenet_has_257_train_shards_and_64_val_shards():
    assert len(shard_lengths(1_281_167, None)) == 257
    assert len(shard_lengths(50_000, None)) == 64


def test_the_plan_is_the_same_in_every_layout(tmp_path):
    roots = [
        write_folders(tmp_path / "raw", tree()),
        write_tar(tmp_path / "raw.tar", tree(), "./"),
        write_official(tmp_path / "official", tree()),
    ]
    plans = [make_plan(open_raw(root), SETTINGS) for root in roots]
    tables = [[(key, label, s.name, s.size) for key, label, s in flat(plan)] for plan in plans]
    assert tables[0] == tables[1] == tables[2]
    assert len({plan.digest() for plan in plans}) == 1
    assert plans[2].words == WORDS


def test_the_digest_tells_a_changed_raw_set_or_plan(tmp_path, raw):
    digest = make_plan(raw, SETTINGS).digest()
    assert make_plan(raw, SETTINGS).digest() == digest
    changes = {
        "a new file": {"train/n00000001/new.JPEG": b"x"},
        "another size": {"train/n00000001/n00000001_0.JPEG": b"x"},
    }
    for change, files in changes.items():
        root = write_folders(tmp_path / change, tree() | files)
        assert make_plan(open_raw(root), SETTINGS).digest() != digest, change
    for other in (replace(SETTINGS, seed=6), replace(SETTINGS, shard_size=5)):
        assert make_plan(raw, other).digest() != digest
    assert make_plan(raw, SETTINGS, ["train"]).digest() != digest


def test_labels_do_not_depend_on_the_splits_that_are_planned(tmp_path):
    raw = open_raw(write_folders(tmp_path, {"train/b/1.jpg": b"", "val/a/1.jpg": b""}))
    plan = make_plan(raw, SETTINGS, ["train"])
    assert plan.classes == ("a", "b")
    assert [(sample.key, sample.label) for sample in flat(plan)] == [("b/1", 1)]


def test_a_split_that_is_not_there_is_refused(tmp_path):
    raw = open_raw(write_folders(tmp_path, {"train/b/1.jpg": b""}))
    with pytest.raises(RawError, match="no val split in it, only train"):
        make_plan(raw, SETTINGS, ["val"])


def test_names_that_clash_or_are_no_text_get_keys_of_their_own(tmp_path):
    names = ["1.jpg", "1.png", "1", "x/1.jpg", "2.jpg", os.fsdecode(b"caf\xe9.jpg")]
    raw = open_raw(write_folders(tmp_path, {f"train/a b/{name}": b"" for name in names}))
    keys = {sample.source.name[10:]: sample.key for sample in flat(make_plan(raw, SETTINGS))}
    assert len(set(keys.values())) == len(names)
    assert keys["2.jpg"] == "a%20b/2"
    assert keys[os.fsdecode(b"caf\xe9.jpg")] == "a%20b/caf%E9"
    assert all(key.isascii() for key in keys.values())


def test_classes_whose_names_sort_around_a_slash_keep_their_own_samples(tmp_path):
    # "a-b/" sorts before "a/", which sorts before "a0/".
    files = {f"train/{name}/{i}.jpg": b"" for name in ("a", "a-b", "a0") for i in range(3)}
    samples = flat(make_plan(open_raw(write_folders(tmp_path, files)), SETTINGS))
    assert sorted(sample.key for sample in samples) == [
        f"{name}/{i}" for name in ("a-b", "a", "a0") for i in range(3)
    ]


def test_what_is_seldom_meant_is_warned_of(tmp_path, raw):
    assert make_plan(raw, SETTINGS).warnings == ()
    write_folders(tmp_path / "one", {"train/cat/1.jpg": b""})
    (tmp_path / "one" / "train" / "dog").mkdir()
    assert make_plan(open_raw(tmp_path / "one"), SETTINGS).warnings == (
        "only one class (cat): there is nothing to learn from it",
        "1 class folder without a file, left out: train/dog",
    )
    write_folders(tmp_path / "two", {"train/cat/1.jpg": b"", "val/ox/1.jpg": b""})
    assert make_plan(open_raw(tmp_path / "two"), SETTINGS).warnings == (
        "in val but not in train, so never learnt: ox",
    )


def test_real_images_make_the_plan_that_they_always_made(shared_data):
    plan = make_plan(open_raw(shared_data / "imagenet-originals.tar"), PrepSettings())
    assert [len(task.samples) for task in plan.tasks] == [74, 73, 73]
    assert plan.digest() == ORIGINALS


def test_samples_of_a_shard_are_a_sequence_and_travel_as_a_tuple(tmp_path):
    names = ["x.JPEG", "y.JPEG", "y.png", "sub/z.JPEG", "no-ending", "a.b.JPEG"]
    raw = open_raw(write_folders(tmp_path, {f"train/a/{name}": b"1" for name in names}))
    (task,) = make_plan(raw, PrepSettings()).tasks
    everything = list(task.samples)
    assert sorted(sample.key for sample in everything) == [
        "a/a%2Eb%2EJPEG",
        "a/no-ending",
        "a/x",
        "a/y%2EJPEG",
        "a/y%2Epng",
        "a/z",
    ]
    assert [task.samples[i] for i in range(6)] == everything == list(task.samples[:6])
    assert task.samples[-1] == everything[-1]
    with pytest.raises(IndexError):
        task.samples[6]
    copy = pickle.loads(pickle.dumps(task))
    assert type(copy.samples) is tuple
    assert copy == task
    assert hash(copy) == hash(task)
