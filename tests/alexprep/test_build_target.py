"""The folder that shards are written to: foreign, held, read-only, full."""

import dataclasses
import subprocess

import pytest

from alexprep.building.build import build
from alexprep.errors import DiskError, SettingsError, ShardError
from alexprep.files import lock_directory
from alexprep.raw.apart import check_apart
from alexprep.raw.detect import open_raw
from alexprep.workers.backends import Backend
from tests.alexprep.commands import run
from tests.alexprep.sets import (
    SETTINGS,
    contents,
    marks,
    plan_of,
)


def test_a_folder_that_holds_something_else_is_refused(raw, target):
    target.mkdir()
    (target / "thesis.tex").write_text("x")
    with pytest.raises(ShardError, match=r"is not empty .* \(there is thesis\.tex\)"):
        build(plan_of(raw), target, jobs=1)
    assert sorted(contents(target)) == ["thesis.tex"]


def test_two_runs_at_once_are_refused(raw, target):
    target.mkdir()
    with (
        lock_directory(target),
        pytest.raises(DiskError, match="another run is writing to this folder"),
    ):
        build(plan_of(raw), target, jobs=1)


def test_a_read_only_target_is_refused(raw, mounted):
    disk = mounted("ro")
    with pytest.raises(DiskError, match="cannot be written"):
        build(plan_of(raw), disk / "shards", jobs=1)
    with pytest.raises(DiskError, match="cannot be written"):
        build(plan_of(raw), disk, jobs=1)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_full_disk_ends_the_run_and_the_same_command_continues(
    raw, target, tmp_path, mounted, jobs
):
    settings = dataclasses.replace(SETTINGS, size=128, quality=100, subsampling="4:4:4")
    plan = plan_of(raw, settings)
    build(plan, tmp_path / "whole", jobs=1)
    size = sum(path.stat().st_size for path in (tmp_path / "whole").iterdir())
    disk = mounted(f"size={size // 2}")
    with pytest.raises(DiskError, match="the disk is full; free some space and run the same"):
        build(plan, disk / "shards", jobs=jobs)
    before = marks(disk / "shards")
    assert 1 <= len(before) < 6
    for name in before:  # none is half
        expected = (tmp_path / "whole" / name).read_bytes()
        assert (disk / "shards" / name).read_bytes() == expected
    assert not [path for path in (disk / "shards").rglob("*") if "run-" in path.name]
    remount = ["mount", "-o", f"remount,size={3 * size}", str(disk)]
    subprocess.run(remount, check=True)
    summary = build(plan, disk / "shards", jobs=jobs)
    assert summary.kept == len(before)
    assert marks(disk / "shards").items() >= before.items()
    assert contents(disk / "shards") == contents(tmp_path / "whole")


def test_jobs_and_on_bad_that_cannot_be_are_refused(raw, target):
    with pytest.raises(SettingsError, match="jobs must be 1 or more; got 0"):
        build(plan_of(raw), target, jobs=0)
    with pytest.raises(SettingsError, match="on-bad must be skip or fail; got 'ignore'"):
        build(plan_of(raw), target, on_bad="ignore")
    assert not target.exists()


@pytest.mark.parametrize("below", ["train/shards", "train", "val/x/y"])
def test_shards_are_not_made_among_the_raw_images(raw, below):
    check_refused(raw, raw / below)


def test_shards_are_not_made_among_class_folders_without_splits(raw):
    place = (raw / "train").rename(raw / "photos")
    check_refused(place, place / "shards")


def test_shards_may_lie_beside_the_splits_and_beside_what_a_list_names(raw, tmp_path):
    (picture,) = list((raw / "train").rglob("*.JPEG"))[:1]
    names = tmp_path / "train.txt"
    names.write_text(f"{picture} cat\n")
    check_apart(open_raw(raw), raw / "shards")
    check_apart(open_raw(names), picture.parent / "shards")


def check_refused(raw, target):
    before = contents(raw)
    result = run("shard", raw, target, "--size", 16, "--jobs", 1)
    assert result.exit_code == 1
    assert "where all folders are read as raw images; name a folder outside it" in result.output
    assert contents(raw) == before


def test_shards_may_lie_beside_the_splits(raw):
    for _ in range(2):
        result = run("shard", raw, raw / "shards", "--size", 16, "--jobs", 1)
        assert result.exit_code == 0, result.output


@pytest.mark.parametrize(("asked", "begun"), [(2, 2), (1000, 6)])
def test_no_more_processes_are_begun_than_there_are_shards(raw, target, monkeypatch, asked, begun):
    heard, real = [], Backend.runner
    monkeypatch.setattr(
        Backend, "runner", lambda self, jobs: heard.append(jobs) or real(self, jobs)
    )
    build(plan_of(raw), target, asked, backend=Backend("threading"))
    assert heard == [begun]
