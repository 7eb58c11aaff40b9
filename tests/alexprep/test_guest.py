"""A shard made for a run of another machine: what is refused, what crosses the wire."""

import pickle
import threading
from dataclasses import replace

import pytest

from alexprep.building.build import build
from alexprep.errors import DiskError, ShardError
from alexprep.images.transform import codec
from alexprep.shards.manifest import WORK
from alexprep.workers import heartbeat, worker
from alexprep.workers.guest import Call, Guest, check_machine, make_as_guest
from alexprep.workers.worker import Job
from tests.alexprep.sets import SETTINGS, contents, make_raw, plan_of


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    return make_raw(tmp_path_factory.mktemp("raw") / "raw")


@pytest.fixture(scope="module")
def whole(raw, tmp_path_factory):
    target = tmp_path_factory.mktemp("whole") / "shards"
    build(plan_of(raw), target, jobs=1)
    return contents(target)


@pytest.fixture
def guest(tmp_path):
    run = tmp_path / "shards" / WORK / "run-1"
    run.mkdir(parents=True)
    heartbeat.create(run / heartbeat.NAME, 9)
    return Guest(Job(SETTINGS, tmp_path / "shards", run, fail=False), codec())


def test_a_machine_with_another_codec_makes_nothing(guest, raw):
    other = replace(guest, codec={**codec(), "libjpeg": "libjpeg 9f"})
    with pytest.raises(ShardError, match=r"another codec .* libjpeg libjpeg 9f and libjpeg-turbo"):
        make_as_guest(other, Call(0, plan_of(raw).tasks[0], {}))
    assert contents(guest.job.target).keys() == {f"{WORK}/run-1/{heartbeat.NAME}"}


def test_a_machine_with_another_alexkit_is_refused(guest):
    with pytest.raises(ShardError, match=r"has alexkit .*, this run is of 0.0.1"):
        check_machine(replace(guest, version="0.0.1"))


def test_a_machine_that_does_not_see_the_target_is_refused(guest, tmp_path):
    job = replace(guest.job, run=tmp_path / "elsewhere")
    with pytest.raises(ShardError, match="does not see"):
        check_machine(replace(guest, job=job))


def test_only_names_and_paths_cross_the_wire(guest, raw):
    task = plan_of(raw, replace(SETTINGS, shard_size=1000)).tasks[0]
    call = pickle.dumps((guest, Call(0, task, {})))
    assert len(call) < 2000 + 200 * len(task.samples)
    result = pickle.dumps(make_as_guest(guest, Call(0, task, {})))
    assert len(result) < 600  # whatever the number of samples
    assert len(task.samples) == 24


def test_a_worker_whose_run_has_ended_stops_and_puts_nothing_into_the_set(
    guest, raw, tmp_path, monkeypatch
):
    taken = tmp_path / "taken"

    def prepare(data, settings):
        if guest.job.run.exists():
            guest.job.run.rename(taken)  # another run has come
        return real(data, settings)

    real = worker.prepare
    monkeypatch.setattr(worker, "prepare", prepare)
    monkeypatch.setattr(worker, "_LOOK", 0)
    with pytest.raises(DiskError, match="another has taken over"):
        make_as_guest(guest, Call(0, plan_of(raw).tasks[0], {}))
    assert [path.name for path in guest.job.target.iterdir()] == [WORK]
    monkeypatch.setattr(worker, "_LOOK", 60)  # and if it does not look again before the end
    taken.rename(guest.job.run)
    with pytest.raises(DiskError):
        make_as_guest(guest, Call(0, plan_of(raw).tasks[0], {}))
    assert [path.name for path in guest.job.target.iterdir()] == [WORK]


def test_two_workers_may_make_the_same_shard_at_once(guest, raw, whole):
    """As after a partition of the network: Dask gives the task away, the first one goes on."""
    call = Call(0, plan_of(raw).tasks[0], {})
    threads = [threading.Thread(target=make_as_guest, args=(guest, call)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert contents(guest.job.target)["train-000000.tar"] == whole["train-000000.tar"]
