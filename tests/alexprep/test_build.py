"""A plan to a finished set: the same bytes whatever happens, and what is refused."""

import dataclasses
import json
import os
import subprocess
import sys
import time

import pytest

from alexprep import build as build_module
from alexprep import estimate, pool
from alexprep.build import Listener, build
from alexprep.errors import AlexError, BadFilesError, DiskError, SettingsError, ShardError
from alexprep.estimate import measure_plan
from alexprep.files import lock_directory
from alexprep.pool import Assignment, blame
from alexprep.record import structure
from alexprep.report import Report
from alexprep.settings import PrepSettings
from alexprep.shards.index import Index
from alexprep.shards.manifest import WORK, Manifest
from alexprep.shards.reader import ShardReader
from alexprep.shards.tar import read_shard
from alexprep.transform import codec, prepare
from alexprep.worker import Job
from tests.alexprep.pictures import encode, jpeg, photo
from tests.alexprep.sets import PATHS, SETTINGS, contents, make_killer, make_raw, marks, plan_of


@pytest.fixture
def raw(tmp_path):
    return make_raw(tmp_path / "raw")


@pytest.fixture
def target(tmp_path):
    return tmp_path / "shards"


@pytest.fixture
def hooks(monkeypatch):
    """Processes begun from here misbehave as tests/alexprep/hooks says."""
    monkeypatch.setenv("PYTHONPATH", PATHS)
    monkeypatch.setenv("TEST_HOOKS", "1")
    return monkeypatch


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


# Bad files


def spoil(raw, name="train/n00000002/train_1_3.JPEG", data=b"<html>"):
    (raw / name).write_bytes(data)
    return name


def test_bad_files_are_skipped_named_and_make_the_exit_code_3(raw, target):
    name = spoil(raw)
    spoil(raw, "val/n00000001/val_0_0.JPEG", jpeg()[:-2])
    spoil(raw, "val/n00000001/val_0_1.JPEG", encode(photo().convert("L"), "JPEG"))
    summary = build(plan_of(raw), target, jobs=1)
    assert summary.exit_code == 3
    assert (summary.images, summary.skipped, summary.repaired, summary.converted) == (35, 1, 1, 1)
    (bad,) = [line for line in summary.report.outcomes if line.done == "skipped"]
    assert (bad.file, bad.what) == (name, "not an image (text)")
    assert Report.load(target) == summary.report
    manifest = Manifest.load(target)
    assert sum(shard.skipped for shard in manifest.shards) == 1
    assert manifest.samples("train") == 23
    # and again: nothing to do, the code stays
    again = build(plan_of(raw), target, jobs=1)
    assert (again.written, again.exit_code) == (0, 3)


def test_with_fail_the_first_bad_file_ends_the_run_and_finished_shards_stay(raw, target):
    name = spoil(raw, "val/n00000001/val_0_0.JPEG")
    with pytest.raises(BadFilesError, match=name):
        build(plan_of(raw), target, jobs=1, on_bad="fail")
    assert len(marks(target)) == 4
    assert not (target / "manifest.json").exists()
    before = marks(target)
    summary = build(plan_of(raw), target, jobs=1)
    assert (summary.kept, summary.written) == (4, 2)
    assert marks(target).items() >= before.items()


def test_a_set_without_one_image_is_refused(raw, target):
    for path in raw.rglob("*.JPEG"):
        path.write_bytes(b"text")
    with pytest.raises(BadFilesError, match=r"none of the 36 files is an image \(the first, train"):
        build(plan_of(raw), target, jobs=1)
    assert not (target / "manifest.json").exists()


# Continuing, and what is not continued


def stop_after(monkeypatch, shards):
    """Let a run be interrupted once so many shards are finished."""
    original = build_module.make_shards

    def few(*arguments):
        for number, shard in enumerate(original(*arguments)):
            yield shard
            if number + 1 == shards:
                raise KeyboardInterrupt

    monkeypatch.setattr(build_module, "make_shards", few)
    return lambda: monkeypatch.setattr(build_module, "make_shards", original)


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


def begun(plan, target, monkeypatch):
    restore = stop_after(monkeypatch, 2)
    with pytest.raises(KeyboardInterrupt):
        build(plan, target, jobs=1)
    restore()


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


def same_size(raw, sample):
    """Change a source, not its size."""
    path = raw / sample.source.name
    data = bytearray(path.read_bytes())
    data[-40] ^= 1
    path.write_bytes(data)


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


# The target


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


@pytest.fixture
def mounted(tmp_path):
    """A folder that is a small disk of its own; needs root."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(*options):
        command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder)]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"cannot mount a small disk here: {done.stderr.decode().strip()}")
        return folder

    yield mount
    subprocess.run(["umount", str(folder)], capture_output=True, check=False)


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


# Workers that die


def test_an_image_that_kills_its_worker_is_skipped_and_no_other(raw, target, hooks):
    killers = ["train/n00000002/train_1_3.JPEG", "val/n00000003/val_2_1.JPEG"]
    for name in killers:
        make_killer(raw / name)
    done = []
    plan = plan_of(raw)
    summary = build(plan, target, jobs=2, listener=Listener(done=done.append))
    bad = [line for line in summary.report.outcomes if line.done == "skipped"]
    assert [line.file for line in bad] == killers
    assert {line.what for line in bad} == {"kills the process that decodes it (SIGSEGV)"}
    assert (summary.images, summary.exit_code) == (34, 3)
    assert sum(done) == 36


def test_an_image_that_killed_an_earlier_run_is_tried_alone_first(raw, target, tmp_path, hooks):
    # What a run of one job leaves behind when an image crashes it: its folder with the heartbeat.
    name = "train/n00000002/train_1_3.JPEG"
    make_killer(raw / name)
    plan = plan_of(raw)
    script = (
        "import sys; from pathlib import Path; from tests.alexprep.sets import plan_of;"
        "from alexprep.build import build;"
        "build(plan_of(Path(sys.argv[1])), Path(sys.argv[2]), jobs=1)"
    )
    command = [sys.executable, "-c", script, str(raw), str(target)]
    environment = os.environ | {"PYTHONPATH": PATHS}
    assert subprocess.run(command, env=environment, check=False).returncode < 0
    assert list((target / WORK).glob("run-*"))
    assert subprocess.run(command, env=environment, check=False).returncode == 0
    report = Report.load(target)
    assert [line.file for line in report.outcomes if line.done == "skipped"] == [name]
    build(plan, tmp_path / "two jobs", jobs=2)
    assert contents(tmp_path / "two jobs") == contents(target)


def test_workers_that_die_without_a_guilty_image_end_the_run(raw, target, monkeypatch):
    def dying(*arguments):
        raise pool.BrokenProcessPool("died")
        yield

    monkeypatch.setattr(pool, "_run", dying)
    with pytest.raises(AlexError, match=r"died 3 times in a row, .* fewer --jobs than 2"):
        build(plan_of(raw), target, jobs=2)
    assert list((target / WORK).glob("run-*")) == []


def test_an_innocent_image_is_not_blamed(raw, target):
    plan = plan_of(raw)
    (target / WORK).mkdir(parents=True)
    job = Job(SETTINGS, target, target / WORK, fail=False)
    killers = {}
    tasks = [Assignment(0, plan.tasks[0])]
    assert not blame(job, tasks, [(0, 2), (0, 6), (3, 0)], killers)
    assert killers == {}


# The estimate


def test_the_estimate_is_measured_on_the_first_images_of_the_plan(raw, monkeypatch):
    plan = plan_of(raw)
    read = []
    original = estimate.read_source

    def slow(source):
        time.sleep(0.02)
        read.append(source)
        return original(source)

    monkeypatch.setattr(estimate, "read_source", slow)
    found = measure_plan(plan, images=8)
    first = [sample.source for task in plan.tasks for sample in task.samples][:8]
    assert read == first
    assert found.images == 8
    assert found.read_seconds > 0.02
    assert found.reading_share > 0.5
    assert found.seconds(100, 2) == pytest.approx(50 / found.rate)


def test_the_estimate_of_the_size_is_that_of_the_shards(raw, target):
    plan = plan_of(raw)
    found = measure_plan(plan)
    summary = build(plan, target, jobs=1)
    ends = 1024 * 6
    assert found.bytes(summary.images) == pytest.approx(summary.bytes - ends)


def test_bad_files_do_not_count_in_the_estimate(raw):
    plan = plan_of(raw)
    (raw / plan.tasks[0].samples[0].source.name).write_bytes(b"")
    assert measure_plan(plan_of(raw), images=4).images == 3
    for path in raw.rglob("*.JPEG"):
        path.write_bytes(b"text")
    assert measure_plan(plan_of(raw)) is None


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
