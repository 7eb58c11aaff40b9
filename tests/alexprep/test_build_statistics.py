"""Statistics made while the shards are: those that `stats` makes, whatever came between."""

import dataclasses

import numpy as np
import pytest

from alexprep.building.build import Listener, build
from alexprep.errors import SettingsError
from alexprep.measuring import collect, measure
from alexprep.shards.statistics import STATISTICS, Statistics
from tests.alexprep.commands import run
from tests.alexprep.sets import SETTINGS, contents, plan_of
from tests.alexprep.stops import stop_after


def measured(plan, target, **options):
    return build(plan, target, measured=["train"], **options)


def stopped(plan, target, monkeypatch, split):
    """Begin a set and stop after two shards of four."""
    restore = stop_after(monkeypatch, 2)
    with pytest.raises(KeyboardInterrupt):
        build(plan, target, jobs=1, measured=[split] if split else [])
    restore()


@pytest.fixture
def decoded(monkeypatch):
    """The names of shards that were decoded for the sums."""
    names = []

    def heard(folder, shard, *rest):
        names.append(shard.name)
        return original(folder, shard, *rest)

    original = collect.sum_shard
    for module in (collect, measure):
        monkeypatch.setattr(module, "sum_shard", heard)
    return names


def of_stats(target, tmp_path):
    """The file that `stats` makes of a set."""
    measure.measure(target, jobs=1).save(tmp_path / "measured.npz")
    return (tmp_path / "measured.npz").read_bytes()


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("kind", ["jpg", "png"])
def test_they_are_the_file_that_stats_makes(raw, target, tmp_path, jobs, kind):
    plan = plan_of(raw, dataclasses.replace(SETTINGS, format=kind))
    measured(plan, target, jobs=jobs)
    assert (target / STATISTICS).read_bytes() == of_stats(target, tmp_path)


def test_the_shards_are_the_same_with_and_without(raw, target, tmp_path):
    measured(plan_of(raw), target, jobs=1)
    build(plan_of(raw), tmp_path / "plain", jobs=1)
    found = contents(target)
    assert found.pop(STATISTICS)
    assert found == contents(tmp_path / "plain")


@pytest.mark.parametrize("splits", [["val"], ["train", "val"]])
def test_any_splits_are_measured_in_passing(raw, target, tmp_path, decoded, splits):
    options = [word for split in splits for word in ("--stats-split", split)]
    result = run("shard", raw, target, "--size", 32, "--jobs", 1, "--stats", *options)
    assert result.exit_code == 0, result.output
    assert decoded == []
    measure.measure(target, splits, jobs=1).save(tmp_path / "measured.npz")
    assert (target / STATISTICS).read_bytes() == (tmp_path / "measured.npz").read_bytes()


def test_nothing_is_decoded_again(raw, target, decoded):
    measured(plan_of(raw), target, jobs=1)
    assert decoded == []


def test_moments_survive_an_interruption(raw, target, tmp_path, monkeypatch, decoded):
    stopped(plan_of(raw), target, monkeypatch, "train")
    measured(plan_of(raw), target, jobs=1)
    assert decoded == []
    assert (target / STATISTICS).read_bytes() == of_stats(target, tmp_path)


def test_shards_of_a_run_without_are_decoded_once(raw, target, tmp_path, monkeypatch, decoded):
    stopped(plan_of(raw), target, monkeypatch, None)
    totals, heard = [], []
    listener = Listener(to_measure=totals.append, measured=heard.append)
    measured(plan_of(raw), target, jobs=1, listener=listener)
    assert sorted(decoded) == ["train-000000.tar", "train-000001.tar"]
    assert (totals, sum(heard)) == ([12], 12)
    assert (target / STATISTICS).read_bytes() == of_stats(target, tmp_path)


def test_a_damaged_file_of_moments_is_made_anew(raw, target, tmp_path, monkeypatch, decoded):
    stopped(plan_of(raw), target, monkeypatch, "train")
    path = target / ".work" / "train-000001.npz"
    path.write_bytes(path.read_bytes()[:-50])
    measured(plan_of(raw), target, jobs=1)
    assert decoded == ["train-000001.tar"]
    assert (target / STATISTICS).read_bytes() == of_stats(target, tmp_path)


def test_moments_of_a_shard_that_was_made_anew_are_not_taken(raw, target, monkeypatch, decoded):
    stopped(plan_of(raw), target, monkeypatch, "train")
    old = (target / ".work" / "train-000000.npz").read_bytes()
    name = plan_of(raw).tasks[0].samples[0].source.name
    (raw / name).write_bytes((raw / name).read_bytes() + b"longer")
    stopped(plan_of(raw), target, monkeypatch, None)  # shard 0 anew, without moments
    assert (target / ".work" / "train-000000.npz").read_bytes() == old
    measured(plan_of(raw), target, jobs=1)
    assert "train-000000.tar" not in decoded  # the trailing bytes change no pixel and no shard
    (raw / name).write_bytes((raw / "train/n00000001/train_0_7.JPEG").read_bytes() + b"else")
    measured(plan_of(raw), target, jobs=1)
    assert Statistics.load(target / STATISTICS).count == 24
    assert np.array_equal(
        Statistics.load(target / STATISTICS).pixel_sum, measure.measure(target).pixel_sum
    )


def test_a_finished_set_is_measured_once(raw, target, tmp_path, decoded):
    build(plan_of(raw), target, jobs=1)
    measured(plan_of(raw), target, jobs=1)
    assert len(decoded) == 4
    measured(plan_of(raw), target, jobs=1)
    assert len(decoded) == 4
    assert (target / STATISTICS).read_bytes() == of_stats(target, tmp_path)


def test_a_split_that_is_not_prepared_is_refused_before_any_work(raw, target):
    with pytest.raises(SettingsError, match="statistics of train are wanted, and only val is"):
        measured(plan_of(raw, splits=["val"]), target)
    assert not target.exists()


def test_the_command_says_where_they_are_and_goes_on_to_training(raw, target):
    result = run("shard", raw, target, "--size", 32, "--jobs", 1, "--stats")
    assert result.exit_code == 0, result.output
    assert f"Statistics: {target / STATISTICS}" in result.output
    assert f"Next: alextrain fit {target}" in result.output
