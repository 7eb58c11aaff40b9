"""The estimate: measured on the first images of the plan."""

import time

import pytest

from alexprep.building.build import build
from alexprep.planning import estimate
from alexprep.planning.estimate import measure_plan
from tests.alexprep.sets import plan_of


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


def test_a_slow_source_does_not_hold_up_the_work(raw, monkeypatch):
    monkeypatch.setattr(estimate, "_SECONDS", 0.05)
    original = estimate.read_source
    monkeypatch.setattr(
        estimate, "read_source", lambda source: time.sleep(0.03) or original(source)
    )
    assert 1 <= measure_plan(plan_of(raw)).images <= 3
    monkeypatch.setattr(estimate, "_SECONDS", 0.0)
    assert measure_plan(plan_of(raw)).images == 1
