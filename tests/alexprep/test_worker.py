"""One task to one shard: what it holds, what its record says, and what stops it."""

import hashlib
import os
import subprocess
import sys
import time

import pytest

from alexprep.errors import BadFilesError, DiskError, RawError, ShardError
from alexprep.images.transform import prepare
from alexprep.records.record import Record, origin, record_name
from alexprep.shards.manifest import WORK
from alexprep.shards.tar import read_shard
from alexprep.workers import heartbeat, worker
from alexprep.workers.worker import Job, make_shard
from tests.alexprep.pictures import encode, photo
from tests.alexprep.sets import SETTINGS, make_raw, plan_of


@pytest.fixture
def raw(tmp_path):
    return make_raw(tmp_path / "raw")


@pytest.fixture
def job(tmp_path):
    target = tmp_path / "shards"
    run = target / WORK / "run-1"
    run.mkdir(parents=True)
    heartbeat.create(run / heartbeat.NAME, 9)
    return Job(SETTINGS, target, run, fail=False)


def made(job, task, skip=None):
    shard = make_shard(job, task, 0, skip or {})
    record = Record.load(job.target / WORK / record_name(task))
    assert record.shard == shard
    return record, list(read_shard(job.target / shard.name, "jpg"))


def test_a_shard_holds_its_samples_in_the_order_of_the_plan(raw, job):
    task = plan_of(raw).tasks[1]
    record, samples = made(job, task)
    assert [(placed.key, placed.label) for placed, _ in samples] == [
        (sample.key, sample.label) for sample in task.samples
    ]
    for (_, image), sample in zip(samples, task.samples, strict=True):
        data = (raw / sample.source.name).read_bytes()
        assert image == prepare(data, SETTINGS)[0]
    assert record.shard.samples == len(task.samples)


def test_the_record_tells_bytes_hashes_and_sources(raw, job):
    task = plan_of(raw).tasks[0]
    record, samples = made(job, task)
    data = (job.target / f"{task.name}.tar").read_bytes()
    assert record.shard.bytes == len(data)
    assert record.shard.sha256 == hashlib.sha256(data).hexdigest()
    assert record.origin == origin(task)
    assert record.index.offsets.tolist() == [placed.offset for placed, _ in samples]
    assert record.index.source_sizes.tolist() == [sample.source.size for sample in task.samples]
    assert record.hashes(task) == {
        sample.source.name: hashlib.sha256((raw / sample.source.name).read_bytes()).hexdigest()
        for sample in task.samples
    }


def spoil(raw, sample, data):
    """Put other bytes in place of a source, and plan anew: sizes differ."""
    (raw / sample.source.name).write_bytes(data)
    return plan_of(raw).tasks[0]


def test_bad_files_are_left_out_and_named(raw, job):
    task = plan_of(raw).tasks[0]
    victim = task.samples[2].source
    task = spoil(raw, task.samples[2], b"<html>")
    record, samples = made(job, task)
    keys = [sample.key for sample in task.samples]
    assert [placed.key for placed, _ in samples] == keys[:2] + keys[3:]
    (outcome,) = record.outcomes
    assert outcome[:5] == (victim.name, "train", "skipped", "not an image (text)", 6)
    assert outcome.sha256 == hashlib.sha256(b"<html>").hexdigest()
    assert (record.shard.samples, record.shard.skipped) == (len(keys) - 1, 1)
    assert len(record.index.source_hashes) == len(keys) - 1
    assert record.hashes(task)[victim.name] == outcome.sha256


def test_converted_and_repaired_files_are_counted_once_each(raw, job):
    task = plan_of(raw).tasks[0]
    spoil(raw, task.samples[0], encode(photo().convert("P"), "PNG"))
    spoil(raw, task.samples[1], encode(photo().convert("L"), "JPEG") + b"tail")
    record, _ = made(job, plan_of(raw).tasks[0])
    assert (record.shard.converted, record.shard.repaired, record.shard.skipped) == (2, 1, 0)
    assert [(row.done, row.what) for row in record.outcomes] == [
        ("converted", "PNG, palette"),
        ("repaired", "trailing bytes"),
        ("converted", "grayscale"),
    ]


def test_images_that_are_to_be_skipped_are_not_touched(raw, job):
    task = plan_of(raw).tasks[0]
    (raw / task.samples[1].source.name).unlink()
    record, samples = made(job, task, skip={1: "kills"})
    assert len(samples) == len(task.samples) - 1
    assert record.outcomes[0][2:4] == ("skipped", "kills")


def test_a_shard_of_bad_files_alone_is_a_shard(raw, job):
    task = plan_of(raw).tasks[0]
    record, samples = made(job, task, skip=dict.fromkeys(range(len(task.samples)), "bad"))
    assert samples == []
    assert len(record.index) == record.shard.samples == 0


def published(job):
    """What of the target is not this run's own."""
    paths = [*job.target.glob("*"), *(job.target / WORK).glob("*")]
    return [path.name for path in paths if path not in (job.run, job.run.parent)]


def test_the_first_bad_file_ends_the_run_where_none_is_wanted(raw, job):
    task = plan_of(raw).tasks[0]
    name = task.samples[3].source.name
    task = spoil(raw, task.samples[3], b"")
    strict = Job(job.settings, job.target, job.run, fail=True)
    with pytest.raises(BadFilesError, match=rf"{name}: empty file; .*--on-bad skip"):
        make_shard(strict, task, 0, {})
    assert published(job) == []


def test_a_source_that_changed_since_the_plan_ends_the_run(raw, job):
    task = plan_of(raw).tasks[0]
    with (raw / task.samples[3].source.name).open("ab") as file:
        file.write(b"more")
    with pytest.raises(RawError, match="changed meanwhile, run the command again"):
        make_shard(job, task, 0, {})
    assert published(job) == []


def test_a_shard_that_reads_back_as_something_else_is_not_published(raw, job, monkeypatch):
    task = plan_of(raw).tasks[0]
    write = worker.write_shard

    def flip_a_bit(file, samples, extension):
        placed = write(file, samples, extension)
        with next(job.run.rglob(f"{task.name}.tar")).open("r+b") as again:
            again.seek(placed[1].offset + 40)
            byte = again.read(1)[0]
            again.seek(placed[1].offset + 40)
            again.write(bytes([byte ^ 1]))
        return placed

    monkeypatch.setattr(worker, "write_shard", flip_a_bit)
    with pytest.raises(ShardError, match="reads back as something else than was written"):
        make_shard(job, task, 0, {})
    assert not (job.target / f"{task.name}.tar").exists()
    assert Record.load(job.target / WORK / record_name(task)) is None


def test_the_heartbeat_says_which_image_is_next(raw, job, monkeypatch):
    task = plan_of(raw).tasks[0]
    path = job.run / heartbeat.NAME
    seen = []
    original = worker.prepare

    def spy(data, settings):
        seen.append((heartbeat.in_work(path), heartbeat.images_done(path)))
        return original(data, settings)

    monkeypatch.setattr(worker, "prepare", spy)
    make_shard(job, task, 4, {})
    assert seen == [([(4, position)], position) for position in range(len(task.samples))]
    assert heartbeat.in_work(path) == []
    assert heartbeat.images_done(path) == len(task.samples)


def test_a_worker_whose_run_was_taken_away_publishes_nothing(raw, job, monkeypatch):
    task = plan_of(raw).tasks[0]
    original = worker._check

    def meanwhile(*arguments):
        original(*arguments)
        job.run.rename(job.run.with_name("dead-1"))

    monkeypatch.setattr(worker, "_check", meanwhile)
    with pytest.raises(DiskError):
        make_shard(job, task, 0, {})
    assert not (job.target / f"{task.name}.tar").exists()


def test_a_worker_ends_after_its_parent():
    child = (
        "import os, time; from alexprep.workers.worker import start_worker; "
        "start_worker(os.getppid()); print(os.getpid(), flush=True); time.sleep(60)"
    )
    script = (
        "import os, subprocess, sys\n"
        "streams = {'stdout': subprocess.PIPE, 'stderr': subprocess.DEVNULL}\n"
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}], **streams)\n"
        "print(int(child.stdout.readline()), flush=True)\n"
        "os._exit(0)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    worker_id = int(done.stdout)
    deadline = time.monotonic() + 10
    while os.path.exists(f"/proc/{worker_id}") and time.monotonic() < deadline:  # noqa: PTH110
        time.sleep(0.05)
    assert not os.path.exists(f"/proc/{worker_id}")  # noqa: PTH110


def test_damaged_records_count_as_none(raw, job):
    task = plan_of(raw).tasks[0]
    record, _ = made(job, task)
    path = job.target / WORK / record_name(task)
    whole = path.read_bytes()
    again = Record.load(path)
    assert again.to_bytes() == whole
    assert again.outcomes == record.outcomes
    for damaged in (b"", whole[:-1], whole[: len(whole) // 2], b"{}", bytes(len(whole))):
        path.write_bytes(damaged)
        assert Record.load(path) is None
