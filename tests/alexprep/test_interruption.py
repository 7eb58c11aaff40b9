"""Runs that are stopped from outside, by signals, at any moment: nothing is lost, nothing half."""

import os
import re
import signal
from pathlib import Path

import pytest

from alexprep.building.build import build
from alexprep.errors import DiskError
from alexprep.shards.manifest import WORK
from tests.alexprep.processes import (
    first_workers,
    images,
    kill,
    press_ctrl_c,
    processes_of,
    start,
    terminate,
    wait_for_silence,
    workers_of,
)
from tests.alexprep.sets import check_all_is_whole, contents, make_raw, marks, plan_of


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    return make_raw(tmp_path_factory.mktemp("raw") / "raw")


@pytest.fixture(scope="module")
def whole(raw, tmp_path_factory):
    """What an undisturbed run gives: path -> hash."""
    target = tmp_path_factory.mktemp("whole") / "shards"
    build(plan_of(raw), target, jobs=1)
    return contents(target)


def stop_and_continue(raw, target, whole, jobs, wait, stop):
    """Stop a run once `wait` returns, then let another finish; finished shards are kept."""
    plan = plan_of(raw)
    process = start(raw, target, jobs)
    wait(process)
    stop(process)
    code = process.wait(timeout=30)
    output = process.stderr.read()
    process.stdout.close()
    process.stderr.close()
    left = wait_for_silence(process.pid)
    check_all_is_whole(target, plan)
    before = marks(target)
    summary = build(plan, target, jobs=1)
    assert summary.kept + summary.written == len(plan.tasks)
    assert summary.kept == len(before)
    assert marks(target).items() >= before.items()
    assert contents(target) == whole
    assert left == []
    return code, output


@pytest.mark.parametrize(("jobs", "wait"), [(1, images(9)), (2, images(13)), (2, first_workers)])
def test_after_ctrl_c_no_process_is_left_and_the_next_run_continues(
    raw, whole, tmp_path, jobs, wait
):
    target = tmp_path / "shards"
    code, output = stop_and_continue(raw, target, whole, jobs, wait, press_ctrl_c)
    assert code == 130
    assert output == ""


def test_workers_are_deaf_to_ctrl_c_from_their_first_moment_on(raw, tmp_path):
    # Else one that is starting would print a traceback.
    process = start(raw, tmp_path / "shards", 2)
    first_workers(process)
    workers = workers_of(process.pid)
    status = [Path(f"/proc/{worker}/status").read_text() for worker in workers]
    press_ctrl_c(process)
    process.communicate(timeout=30)
    masks = [int(re.search(r"SigBlk:\s*(\w+)", text)[1], 16) for text in status]
    assert len(masks) == 2
    assert all(mask >> (signal.SIGINT - 1) & 1 for mask in masks)


def test_after_sigterm_the_next_run_continues(raw, whole, tmp_path):
    stop_and_continue(raw, tmp_path / "shards", whole, 2, images(9), terminate)


@pytest.mark.parametrize(("jobs", "wait"), [(1, images(7)), (2, first_workers), (2, images(20))])
def test_a_killed_run_is_continued_to_the_same_bytes(raw, whole, tmp_path, jobs, wait):
    code, _ = stop_and_continue(raw, tmp_path / "shards", whole, jobs, wait, kill)
    assert code == -signal.SIGKILL


def test_workers_of_a_killed_run_cannot_write_into_the_next(raw, whole, tmp_path):
    target = tmp_path / "shards"
    process = start(raw, target, 2, slow=0.3)
    images(2)(process)
    kill(process)
    process.wait()
    process.stdout.close()
    process.stderr.close()
    build(plan_of(raw), target, jobs=1)  # at once: the workers may still live
    assert wait_for_silence(process.pid) == []
    assert contents(target) == whole
    assert not (target / WORK).exists()


def test_a_killed_worker_costs_no_image(raw, whole, tmp_path):
    target = tmp_path / "shards"
    process = start(raw, target, 2, slow=0.15)
    images(4)(process)
    children = [pid for pid in processes_of(process.pid) if pid != process.pid]
    workers = [
        pid for pid in children if b"LokyProcess" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    os.kill(workers[0], signal.SIGKILL)
    images(10_000)(process)
    assert process.wait(timeout=60) == 0
    process.stdout.close()
    process.stderr.close()
    assert contents(target) == whole


def test_a_second_run_on_the_same_folder_is_refused_and_the_first_goes_on(raw, whole, tmp_path):
    target = tmp_path / "shards"
    process = start(raw, target, 2)
    images(3)(process)
    with pytest.raises(DiskError, match="another run is writing to this folder"):
        build(plan_of(raw), target, jobs=1)
    images(10_000)(process)
    assert process.wait(timeout=60) == 0
    process.stdout.close()
    process.stderr.close()
    assert contents(target) == whole
