"""Bad files, and images that kill their worker: skipped and named, and no other."""

import os
import subprocess
import sys

import pytest

from alexprep.building.build import Listener, build
from alexprep.errors import AlexError, BadFilesError
from alexprep.records.report import Report
from alexprep.shards.manifest import WORK, Manifest
from alexprep.workers import pool
from alexprep.workers.pool import Assignment, blame
from alexprep.workers.worker import Job
from tests.alexprep.pictures import encode, jpeg, photo
from tests.alexprep.sets import PATHS, SETTINGS, contents, make_killer, marks, plan_of, spoil


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
        "from alexprep.building.build import build;"
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
        raise pool.WorkersDiedError("died")
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
