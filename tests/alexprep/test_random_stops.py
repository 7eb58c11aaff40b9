"""Runs stopped at moments drawn at random, again and again, until one comes through."""

import dataclasses
import os
import signal
import subprocess
import time

import numpy as np
import pytest

from alexprep.building.build import build
from alexprep.errors import DiskError
from alexprep.shards.manifest import MANIFEST, WORK
from tests.alexprep.processes import (
    kill,
    press_ctrl_c,
    start,
    terminate,
    wait_for_silence,
    workers_of,
)
from tests.alexprep.sets import SETTINGS, check_all_is_whole, contents, make_raw, marks, plan_of


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    return make_raw(tmp_path_factory.mktemp("raw") / "raw")


@pytest.fixture(scope="module")
def whole(raw, tmp_path_factory):
    """What an undisturbed run gives: path -> hash."""
    target = tmp_path_factory.mktemp("whole") / "shards"
    build(plan_of(raw), target, jobs=1)
    return contents(target)


def recorded(target):
    """Marks of the shards that are finished: those whose record is there, or the manifest."""
    found = marks(target)
    if (target / MANIFEST).is_file():
        return found
    return {name: found[name] for name in found if (target / WORK / f"{name[:-4]}.json").is_file()}


def stop_often(raw, target, draw, most, slow):
    """Start runs and stop each, until one comes through or `most` were stopped."""
    stops, before = [kill, kill, press_ctrl_c, terminate], {}
    for _ in range(most):
        process = start(raw, target, int(draw.integers(1, 4)), slow=slow)
        try:
            process.wait(timeout=float(draw.uniform(0.3, 3.5)))
        except subprocess.TimeoutExpired:
            stops[int(draw.integers(0, len(stops)))](process)
            process.wait(timeout=30)
        process.stdout.close()
        process.stderr.close()
        if draw.integers(0, 2):
            assert wait_for_silence(process.pid) == []
        check_all_is_whole(target, plan_of(raw))
        assert marks(target).items() >= before.items()  # nothing finished is made again
        before = recorded(target)
        if (target / MANIFEST).is_file():
            return


def test_a_few_stops_in_a_row_end_in_the_same_bytes(raw, whole, tmp_path):
    target = tmp_path / "shards"
    stop_often(raw, target, np.random.default_rng(100), most=3, slow=0.1)
    build(plan_of(raw), target, jobs=1)
    assert contents(target) == whole


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(12))
def test_many_stops_in_a_row_end_in_the_same_bytes(raw, whole, tmp_path, seed):
    target = tmp_path / "shards"
    stop_often(raw, target, np.random.default_rng(seed), most=40, slow=0.02)
    build(plan_of(raw), target, jobs=1)
    assert contents(target) == whole


def kill_workers(process, draw, most):
    """Kill a worker now and then, as the system does when memory is short or code crashes."""
    for _ in range(most):
        time.sleep(float(draw.uniform(0.5, 1.5)))
        workers = workers_of(process.pid)
        if workers and process.poll() is None:
            number = [signal.SIGKILL, signal.SIGSEGV][int(draw.integers(0, 2))]
            os.kill(workers[int(draw.integers(0, len(workers)))], number)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(6))
def test_workers_killed_now_and_then_cost_nothing(raw, whole, tmp_path, seed):
    target = tmp_path / "shards"
    process = start(raw, target, 3, slow=0.25)
    with process:
        # Three deaths without a shard finished in between are taken for a sign (pool._DEATHS).
        kill_workers(process, np.random.default_rng(seed), most=2)
        _, complaint = process.communicate(timeout=120)
    assert process.returncode == 0, complaint
    assert wait_for_silence(process.pid) == []
    assert contents(target) == whole


def fill_again_and_again(raw, tmp_path, mounted, sizes, jobs):
    """Run on a disk that is given a little more room each time."""
    settings = dataclasses.replace(SETTINGS, size=128, quality=100, subsampling="4:4:4")
    plan = plan_of(raw, settings)
    build(plan, tmp_path / "whole", jobs=1)
    needed = sum(path.stat().st_size for path in (tmp_path / "whole").iterdir())
    disk, refused, before = mounted(f"size={int(needed * sizes[0])}"), 0, {}
    for size in (*sizes, 4):
        command = ["mount", "-o", f"remount,size={int(needed * size)}", str(disk)]
        subprocess.run(command, check=True)
        try:
            build(plan, disk / "shards", jobs=jobs)
        except DiskError as error:
            refused += "the disk is full; free some space" in str(error)
        if (disk / "shards").is_dir():
            assert marks(disk / "shards").items() >= before.items()
            before = recorded(disk / "shards")
            check_all_is_whole(disk / "shards", plan)
    assert contents(disk / "shards") == contents(tmp_path / "whole")
    return refused


def test_a_disk_that_fills_up_at_several_places(raw, tmp_path, mounted):
    assert fill_again_and_again(raw, tmp_path, mounted, [0.02, 0.3, 0.6, 0.98], jobs=1) >= 3


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(8))
def test_a_disk_that_fills_up_at_any_place(raw, tmp_path, mounted, seed):
    draw = np.random.default_rng(seed)
    sizes = np.sort(draw.uniform(0.005, 1.3, 12)).tolist()
    assert fill_again_and_again(raw, tmp_path, mounted, sizes, jobs=1 + seed % 2) >= 3
