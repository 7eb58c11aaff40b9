"""A plan to a finished set: what it holds, and the same bytes whatever the jobs."""

import dataclasses
import json
import os

import pytest

from alexprep.building.build import Listener, build
from alexprep.images.transform import codec, prepare
from alexprep.records.record import structure
from alexprep.settings import PrepSettings
from alexprep.shards.index import Index
from alexprep.shards.manifest import WORK, Manifest
from alexprep.shards.reader import ShardReader
from alexprep.shards.tar import read_shard
from tests.alexprep.sets import (
    SETTINGS,
    contents,
    marks,
    plan_of,
    spoil,
)
from tests.alexprep.stops import begun


def test_a_set_holds_what_was_planned(raw, target):
    plan = plan_of(raw)
    summary = build(plan, target, jobs=1)
    assert (summary.written, summary.kept, summary.images) == (6, 0, 36)
    assert summary.exit_code == 0
    for split in ("train", "val"):
        reader = ShardReader(target, split)
        planned = [sample for task in plan.tasks if task.split == split for sample in task.samples]
        assert reader.index.keys() == [sample.key for sample in planned]
        assert reader.labels.tolist() == [sample.label for sample in planned]
        assert reader.shard_sizes.tolist() == [
            len(task.samples) for task in plan.tasks if task.split == split
        ]
        for number in (0, len(reader) - 1):
            data = (raw / planned[number].source.name).read_bytes()
            assert reader.read(number) == prepare(data, SETTINGS)[0]
        reader.close()
    manifest = Manifest.load(target)
    assert manifest.settings == SETTINGS
    assert manifest.codec == codec()
    assert manifest.classes == plan.classes
    assert manifest.words == plan.classes  # where no words are known
    assert summary.bytes == sum(path.stat().st_size for path in target.glob("*.tar"))


def test_nothing_but_the_set_is_left(raw, target):
    build(plan_of(raw), target, jobs=1)
    assert sorted(contents(target)) == [
        "_info.json",
        "index-train.npz",
        "index-val.npz",
        "manifest.json",
        "report.csv",
        "report.json",
        *(f"train-{number:06d}.tar" for number in range(4)),
        *(f"val-{number:06d}.tar" for number in range(2)),
    ]
    assert not (target / WORK).exists()


def test_any_number_of_jobs_gives_the_same_bytes(raw, target, tmp_path):
    plan = plan_of(raw)
    build(plan, target, jobs=1)
    for jobs in (2, 3):
        other = tmp_path / f"shards{jobs}"
        build(plan, other, jobs=jobs)
        assert contents(other) == contents(target)


def test_the_path_of_the_raw_set_and_the_moment_do_not_show(raw, target, tmp_path):
    build(plan_of(raw), target, jobs=1)
    moved = raw.rename(tmp_path / "elsewhere")
    for path in moved.rglob("*.JPEG"):
        os.utime(path, (0, 0))
    build(plan_of(moved), tmp_path / "again", jobs=1)
    assert contents(tmp_path / "again") == contents(target)


def test_settings_change_the_bytes(raw, target, tmp_path):
    build(plan_of(raw), target, jobs=1)
    for number, change in enumerate(({"quality": 90}, {"seed": 1}, {"geometry": "warp"})):
        other = tmp_path / str(number)
        build(plan_of(raw, dataclasses.replace(SETTINGS, **change)), other, jobs=1)
        assert contents(other)["train-000000.tar"] != contents(target)["train-000000.tar"]


def test_png_shards_are_made_and_read(raw, target):
    build(plan_of(raw, dataclasses.replace(SETTINGS, format="png")), target, jobs=1)
    samples = list(read_shard(target / "val-000000.tar", "png"))
    assert all(image.startswith(b"\x89PNG") for _, image in samples)
    assert "zlib" in Manifest.load(target).codec


def test_info_is_what_timm_reads(raw, target):
    build(plan_of(raw), target, jobs=1)
    info = json.loads((target / "_info.json").read_bytes())
    assert set(info["splits"]) == {"train", "val"}
    assert info["splits"]["val"] == {
        "name": "val",
        "num_samples": 12,
        "filenames": ["val-000000.tar", "val-000001.tar"],
        "shard_lengths": [6, 6],
    }


def test_the_same_command_again_does_nothing(raw, target):
    plan = plan_of(raw)
    first = build(plan, target, jobs=1)
    before, shards = contents(target), marks(target)
    again = build(plan, target, jobs=2)
    assert (again.written, again.kept) == (0, 6)
    assert (again.images, again.bytes) == (first.images, first.bytes)
    assert again.report == first.report
    assert contents(target) == before
    assert marks(target) == shards


# Progress


@pytest.mark.parametrize("jobs", [1, 2])
def test_progress_counts_every_image_once(raw, target, monkeypatch, jobs):
    plan = plan_of(raw)
    kept, done = [], []
    listener = Listener(kept=kept.append, done=done.append)
    begun(plan, target, monkeypatch)
    build(plan, target, jobs=jobs, listener=listener)
    assert kept == [12]
    assert sum(done) == 24


def test_progress_moves_inside_a_shard(raw, target, hooks):
    hooks.setenv("TEST_SLOW", "0.1")
    plan = plan_of(raw, dataclasses.replace(SETTINGS, shard_size=24))
    done = []
    build(plan, target, jobs=2, listener=Listener(done=done.append))
    assert sum(done) == 36
    assert len(done) > 6


def test_the_structure_of_a_plan_leaves_sizes_out(raw):
    plan = plan_of(raw)
    spoil(raw)
    assert structure(plan_of(raw).tasks) == structure(plan.tasks)
    other = plan_of(raw, PrepSettings(size=32, shard_size=6, seed=1))
    assert structure(other.tasks) != structure(plan.tasks)


def test_the_index_joins_those_of_the_shards(raw, target):
    build(plan_of(raw), target, jobs=1)
    index = Index.load(target / "index-train.npz")
    starts = [0, *index.shard_sizes.cumsum().tolist()]
    for number in range(4):
        samples = list(read_shard(target / f"train-{number:06d}.tar", "jpg"))
        part = slice(starts[number], starts[number + 1])
        assert index.offsets[part].tolist() == [placed.offset for placed, _ in samples]
        assert index.keys()[part] == [placed.key for placed, _ in samples]
