"""`alexprep diff`: each kind of difference is said, and only what differs."""

import dataclasses
import re

import numpy as np
import pytest

from alexprep.building.build import build
from alexprep.checking.compare import compare
from alexprep.errors import ShardError
from alexprep.shards.manifest import Manifest
from tests.alexprep.commands import run
from tests.alexprep.pictures import jpeg
from tests.alexprep.sets import SETTINGS, plan_of, same_size
from tests.alexprep.shardsets import noise, write_shards


@pytest.fixture
def first(raw, tmp_path):
    build(plan_of(raw), tmp_path / "a", jobs=1)
    return tmp_path / "a"


def second(raw, tmp_path, **changes):
    plan = plan_of(raw, dataclasses.replace(SETTINGS, **changes))
    build(plan, tmp_path / "b", jobs=1)
    return tmp_path / "b"


def test_equal_sets_do_not_differ(raw, first, tmp_path):
    other = second(raw, tmp_path)
    heard = []
    assert compare(first, other, most=None, on_progress=heard.append) == []
    assert sum(heard) == 36
    result = run("diff", first, other)
    assert result.exit_code == 0
    assert f"the same set; fingerprint {Manifest.load(first).fingerprint}" in result.output


def test_settings_and_the_pixels_that_follow_from_them(raw, first, tmp_path):
    lines = compare(first, second(raw, tmp_path, quality=30))
    assert lines[0] == "settings: quality 95 and 30"
    assert re.fullmatch(
        r"train: the pixels of 24 of 24 samples compared differ, by \d+ levels at most \(n.*\)",
        lines[1],
    )
    assert len(lines) == 3  # and val


def test_another_seed_moves_samples_and_changes_no_pixel(raw, first, tmp_path):
    lines = compare(first, second(raw, tmp_path, seed=1))
    assert lines[0] == "settings: seed 0 and 1"
    assert all(re.match(r"(train|val): \d+ samples in another shard", line) for line in lines[1:])
    assert len(lines) == 3


def test_samples_that_one_lacks_and_raw_files_that_changed(raw, first, tmp_path):
    plan = plan_of(raw)
    (raw / "train/n00000001/train_0_0.JPEG").rename(raw / "train/n00000001/new.JPEG")
    same_size(raw, plan.tasks[5].samples[0])
    lines = compare(first, second(raw, tmp_path))
    assert "train: 1 sample only in A (n00000001/train_0_0)" in lines
    assert "train: 1 sample only in B (n00000001/new)" in lines
    key = plan.tasks[5].samples[0].key
    assert f"val: 1 sample made from other raw files ({key})" in lines


def test_classes_and_their_labels(raw, first, tmp_path):
    (raw / "train/n00000002").rename(raw / "train/n00000009")
    (raw / "val/n00000002").rename(raw / "val/n00000009")
    lines = compare(first, second(raw, tmp_path))
    assert lines[:3] == [
        "classes: 1 only in A (n00000002)",
        "classes: 1 only in B (n00000009)",
        "classes: 1 with other labels (n00000003 2 and 1)",
    ]
    assert any("samples with another label (n00000003/train_2_0" in line for line in lines)


def test_a_split_that_one_lacks(raw, first, tmp_path):
    build(plan_of(raw, splits=["val"]), tmp_path / "b", jobs=1)
    assert [line for line in compare(first, tmp_path / "b") if "only" in line] == [
        "train: only in A"
    ]


def test_the_largest_difference_is_counted_in_levels_and_only_where_it_is(tmp_path):
    images = noise(0, 9, 16)
    a = write_shards(tmp_path / "a", {"train": images})
    changed = images.copy()
    changed[4, 3, 2, 1] ^= 8
    changed[7, 0, 0, 0] = np.where(changed[7, 0, 0, 0] > 100, 0, 255)
    b = write_shards(tmp_path / "b", {"train": changed})
    largest = int(np.abs(images.astype(int) - changed).max())
    keys = "n00000002/train_4, n00000002/train_7"
    assert compare(a, b, most=None) == [
        f"train: the pixels of 2 of 9 samples compared differ, by {largest} levels at most ({keys})"
    ]
    assert compare(a, b, most=3) == []  # samples 0, 3 and 6
    assert run("diff", a, b, "--all").exit_code == 1


def test_sets_that_cannot_be_read_are_named(first, tmp_path):
    with pytest.raises(ShardError, match="no such folder"):
        compare(first, tmp_path / "nowhere")
    (first / "val-000000.tar").write_bytes(jpeg())
    with pytest.raises(ShardError, match=r"val-000000\.tar"):
        compare(first, first)
