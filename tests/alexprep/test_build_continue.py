"""A set that is begun or finished, met again: what is kept, made anew, and refused."""

import dataclasses
import json

import pytest

from alexprep.building import build as build_module
from alexprep.building.build import Listener, build
from alexprep.errors import ShardError
from alexprep.images.transform import codec
from alexprep.shards.manifest import WORK, Manifest
from tests.alexprep.pictures import jpeg
from tests.alexprep.sets import (
    SETTINGS,
    contents,
    marks,
    plan_of,
    same_size,
    spoil,
)
from tests.alexprep.stops import begun, stop_after


@pytest.mark.parametrize("shards", [1, 4, 5])
def test_an_interrupted_run_is_continued_to_the_same_bytes(
    raw, target, tmp_path, monkeypatch, shards
):
    plan = plan_of(raw)
    build(plan, tmp_path / "whole", jobs=1)
    restore = stop_after(monkeypatch, shards)
    with pytest.raises(KeyboardInterrupt):
        build(plan, target, jobs=1)
    assert list((target / WORK).glob("run-*")) == []
    before = marks(target)
    assert len(before) == shards
    restore()
    summary = build(plan, target, jobs=1)
    assert (summary.kept, summary.written) == (shards, 6 - shards)
    assert marks(target).items() >= before.items()
    assert contents(target) == contents(tmp_path / "whole")


@pytest.mark.parametrize("finished", [False, True])
def test_other_settings_on_an_existing_set_are_refused_by_name(raw, target, monkeypatch, finished):
    if finished:
        build(plan_of(raw), target, jobs=1)
    else:
        begun(plan_of(raw), target, monkeypatch)
    before = contents(target)
    other = dataclasses.replace(SETTINGS, quality=90, filter="box")
    with pytest.raises(
        ShardError, match=r"there and here filter bilinear and box, quality 95 and 90"
    ):
        build(plan_of(raw, other), target, jobs=1)
    assert contents(target) == before


@pytest.mark.parametrize("finished", [False, True])
def test_another_codec_on_an_existing_set_is_refused_by_name(raw, target, monkeypatch, finished):
    if finished:
        build(plan_of(raw), target, jobs=1)
    else:
        begun(plan_of(raw), target, monkeypatch)
    before = contents(target)
    here = codec()["pillow"]
    monkeypatch.setattr(build_module, "codec", lambda format_: codec() | {"pillow": "1.1.7"})
    with pytest.raises(
        ShardError, match=rf"another codec, there and here pillow {here} and 1\.1\.7"
    ):
        build(plan_of(raw), target, jobs=1)
    assert contents(target) == before


def test_begun_json_whose_codec_is_no_table_is_damaged(raw, target, monkeypatch):
    begun(plan_of(raw), target, monkeypatch)
    path = target / WORK / "begun.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"codec": ["pillow"]}))
    with pytest.raises(ShardError, match=r"begun\.json: is damaged \(codec\)"):
        build(plan_of(raw), target, jobs=1)


@pytest.mark.parametrize("finished", [False, True])
def test_other_raw_images_on_an_existing_set_are_refused(raw, target, monkeypatch, finished):
    if finished:
        build(plan_of(raw), target, jobs=1)
    else:
        begun(plan_of(raw), target, monkeypatch)
    before = contents(target)
    with pytest.raises(ShardError, match=r"other raw images \(36 there, 12 here\)"):
        build(plan_of(raw, splits=["val"]), target, jobs=1)
    (raw / "train/n00000001/train_0_0.JPEG").rename(raw / "train/n00000001/new.JPEG")
    with pytest.raises(ShardError, match=r"other raw images \(36 with other names\)"):
        build(plan_of(raw), target, jobs=1)
    assert contents(target) == before


@pytest.mark.parametrize("finished", [False, True])
@pytest.mark.parametrize("bad_before", [False, True])
def test_only_shards_of_changed_sources_are_made_anew(
    raw, target, tmp_path, monkeypatch, finished, bad_before
):
    name = "train/n00000002/train_1_3.JPEG"
    if bad_before:
        spoil(raw, name)
    plan = plan_of(raw)
    if finished:
        build(plan, target, jobs=1)
    else:
        restore = stop_after(monkeypatch, 6)
        with pytest.raises(KeyboardInterrupt):
            build(plan, target, jobs=1)
        restore()
    before = marks(target)
    spoil(raw, name, jpeg(71, 83, seed=5))
    plan = plan_of(raw)
    summary = build(plan, target, jobs=1)
    (hit,) = [task.name for task in plan.tasks if name in {s.source.name for s in task.samples}]
    changed = {shard for shard, mark in marks(target).items() if before[shard] != mark}
    assert changed == {f"{hit}.tar"}
    assert (summary.written, summary.exit_code) == (1, 0)
    build(plan, tmp_path / "anew", jobs=1)
    assert contents(target) == contents(tmp_path / "anew")


def test_a_lost_or_cut_shard_is_made_anew(raw, target):
    plan = plan_of(raw)
    build(plan, target, jobs=1)
    before = contents(target)
    (target / "train-000001.tar").unlink()
    with (target / "val-000000.tar").open("r+b") as file:
        file.truncate(1000)
    assert build(plan, target, jobs=1).written == 2
    assert contents(target) == before


@pytest.mark.parametrize("finished", [False, True])
def test_recheck_sees_changes_that_keep_the_size(raw, target, monkeypatch, finished):
    plan = plan_of(raw)
    if finished:
        build(plan, target, jobs=1)
    else:
        restore = stop_after(monkeypatch, 6)
        with pytest.raises(KeyboardInterrupt):
            build(plan, target, jobs=1)
        restore()
    before, shards = contents(target), marks(target)
    same_size(raw, plan.tasks[2].samples[1])
    with (target / "val-000001.tar").open("r+b") as file:
        file.seek(700)
        file.write(b"\x99")
    if finished:
        assert build(plan, target, jobs=1).written == 0
    checked = []
    summary = build(plan, target, jobs=2, recheck=True, listener=Listener(checked=checked.append))
    assert summary.written == 2
    assert sum(checked) >= 36 - 6
    changed = {shard for shard, mark in marks(target).items() if shards[shard] != mark}
    assert changed == {"train-000002.tar", "val-000001.tar"}
    assert contents(target)["val-000001.tar"] == before["val-000001.tar"]
    summary = build(plan, target, jobs=1, recheck=True)
    assert summary.written == 0


@pytest.mark.parametrize("finished", [False, True])
def test_making_shards_anew_may_be_interrupted_too(raw, target, tmp_path, monkeypatch, finished):
    plan = plan_of(raw)
    restore = stop_after(monkeypatch, 6)
    if finished:
        restore()
        build(plan, target, jobs=1)
    else:
        with pytest.raises(KeyboardInterrupt):
            build(plan, target, jobs=1)
        restore()
    for number in (2, 5):
        same_size(raw, plan.tasks[number].samples[1])
    restore = stop_after(monkeypatch, 1)
    with pytest.raises(KeyboardInterrupt):
        build(plan, target, jobs=1, recheck=True)
    assert not (target / "manifest.json").exists()
    restore()
    # what was found changed is remembered, though nobody looks again
    assert build(plan, target, jobs=1).written == 1
    build(plan, tmp_path / "anew", jobs=1)
    assert contents(target) == contents(tmp_path / "anew")


def leave_remains(target):
    """What a run leaves behind that is killed in work, or between manifest and cleaning up."""
    (target / WORK / "run-x").mkdir(parents=True, exist_ok=True)
    (target / WORK / "run-x" / "train-000000.tar").write_bytes(b"half")
    (target / WORK / "train-000000.json").write_bytes(b"{}")


def test_a_run_killed_after_the_manifest_is_cleaned_up_by_the_next(raw, target):
    plan = plan_of(raw)
    build(plan, target, jobs=1)
    before = contents(target)
    leave_remains(target)
    assert build(plan, target, jobs=1).written == 0
    assert contents(target) == before
    leave_remains(target)
    (target / "train-000001.tar").unlink()
    assert build(plan, target, jobs=1).written == 1
    assert contents(target) == before


def test_a_run_takes_the_folders_of_earlier_ones_away_before_it_begins(raw, target, monkeypatch):
    begun(plan_of(raw), target, monkeypatch)
    leave_remains(target)
    original = build_module.make_shards
    there = []

    def spy(*arguments):
        there.extend((target / WORK).glob("*-*/*"))
        return original(*arguments)

    monkeypatch.setattr(build_module, "make_shards", spy)
    build(plan_of(raw), target, jobs=1)
    assert [path.name for path in there] == ["progress"]


def test_a_set_whose_shards_are_finished_lacks_only_its_manifest(raw, target, monkeypatch):
    plan = plan_of(raw)
    restore = stop_after(monkeypatch, 6)
    with pytest.raises(KeyboardInterrupt):
        build(plan, target, jobs=1)
    restore()
    assert build(plan, target, jobs=1).written == 0
    assert Manifest.load(target).samples("train") == 24


def test_a_finished_set_without_its_report_is_not_touched(raw, target):
    build(plan_of(raw), target, jobs=1)
    (target / "report.json").unlink()
    before = contents(target)
    with pytest.raises(ShardError, match=r"report\.json: is missing or damaged"):
        build(plan_of(raw), target, jobs=1)
    assert contents(target) == before
