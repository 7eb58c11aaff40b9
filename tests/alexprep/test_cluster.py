"""Shards made by a real Dask cluster on loopback: a scheduler and two worker processes."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from alexprep.building.build import Listener, build
from alexprep.errors import RawError, SettingsError
from alexprep.records.report import Report
from alexprep.shards.manifest import WORK
from alexprep.workers.backends import Backend
from tests.alexprep.sets import PATHS, contents, make_killer, make_raw, plan_of

SLOW = 0.02


def start(*words):
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *words],
        env=os.environ | {"PYTHONPATH": PATHS, "TEST_HOOKS": "1", "TEST_SLOW": str(SLOW)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


class Cluster:
    """A scheduler and its workers, each worker watched by a nanny that starts it again."""

    def __init__(self, folder):
        self.file = folder / "scheduler.json"
        self.processes = [
            start(
                "scheduler",
                *("--host", "127.0.0.1", "--port", "0", "--no-dashboard"),
                *("--scheduler-file", str(self.file)),
            )
        ]
        while not self.file.is_file():
            assert self.processes[0].poll() is None
            time.sleep(0.05)
        self.address = json.loads(self.file.read_text())["address"]
        self.processes.append(
            start(
                "worker",
                self.address,
                *("--nworkers", "2", "--nthreads", "1", "--no-dashboard"),
                *("--local-directory", str(folder)),
            )
        )

    def close(self):
        for process in reversed(self.processes):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("dask"))
    yield cluster
    cluster.close()


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    return make_raw(tmp_path_factory.mktemp("raw") / "raw")


@pytest.fixture(scope="module")
def whole(raw, tmp_path_factory):
    target = tmp_path_factory.mktemp("whole") / "shards"
    build(plan_of(raw), target, jobs=1)
    return contents(target)


def test_a_cluster_makes_the_same_bytes(cluster, raw, whole, tmp_path):
    summary = build(plan_of(raw), tmp_path / "shards", backend=Backend("dask", cluster.address))
    assert summary.written == 6
    assert contents(tmp_path / "shards") == whole


def workers(cluster):
    """Process ids of the workers, by the scheduler's word."""
    from distributed import Client

    with Client(cluster.address, set_as_default=False) as client:
        client.wait_for_workers(2)
        return list(client.run(os.getpid).values())


def test_a_worker_killed_in_mid_run_costs_nothing(cluster, raw, whole, tmp_path):
    victims = workers(cluster)
    killed = []

    def kill(images):
        if not killed:
            killed.append(victims[0])
            os.kill(victims[0], signal.SIGKILL)

    backend = Backend("dask", cluster.address)
    build(plan_of(raw), tmp_path / "shards", backend=backend, listener=Listener(done=kill))
    assert killed
    assert contents(tmp_path / "shards") == whole


def test_an_image_that_kills_workers_is_found_where_it_kills(cluster, tmp_path, monkeypatch):
    raw = make_raw(tmp_path / "raw")
    make_killer(raw / "train" / "n00000001" / "train_0_3.JPEG")
    build(plan_of(raw), tmp_path / "dask", backend=Backend("dask", cluster.address))
    monkeypatch.setenv("PYTHONPATH", PATHS)
    monkeypatch.setenv("TEST_HOOKS", "1")
    build(plan_of(raw), tmp_path / "loky", jobs=2)

    assert contents(tmp_path / "dask") == contents(tmp_path / "loky")
    assert [line.file for line in Report.load(tmp_path / "dask").outcomes] == [
        "train/n00000001/train_0_3.JPEG"
    ]


def test_one_worker_is_a_cluster_too(cluster, raw, tmp_path, monkeypatch):
    """With one worker joblib would make the shards in this process, unasked."""
    from distributed import Client

    monkeypatch.setattr(Client, "ncores", lambda self: {"tcp://127.0.0.1:1": 1})
    monkeypatch.setattr("alexprep.workers.worker.prepare", None)
    build(plan_of(raw), tmp_path / "shards", backend=Backend("dask", cluster.address))


def test_an_error_on_a_worker_is_the_run_s_error(cluster, raw, tmp_path):
    plan = plan_of(raw)
    source = plan.tasks[2].samples[1].source
    changed = plan.tasks[2].samples[1]._replace(source=source._replace(size=source.size + 1))
    samples = (plan.tasks[2].samples[0], changed, *plan.tasks[2].samples[2:])
    tasks = (*plan.tasks[:2], replace(plan.tasks[2], samples=samples), *plan.tasks[3:])
    with pytest.raises(RawError, match="the raw set changed meanwhile"):
        build(replace(plan, tasks=tasks), tmp_path / "s", backend=Backend("dask", cluster.address))
    assert not list((tmp_path / "s" / WORK).glob("run-*"))


def test_a_scheduler_that_is_not_there_is_named(raw, tmp_path, monkeypatch):
    monkeypatch.setattr("alexprep.workers.cluster._PATIENCE", 0.3)
    with pytest.raises(SettingsError, match=r"no Dask scheduler answers at tcp://127.0.0.1:9"):
        build(plan_of(raw), tmp_path / "s", backend=Backend("dask", "tcp://127.0.0.1:9"))
