"""Qualities compared on images of the set."""

import dataclasses
import io
import math

import numpy as np
import pytest
from PIL import Image

from alexprep.building.build import build
from alexprep.building.quality import QUALITIES, compare_qualities
from alexprep.images.transform import prepare, square_array
from alexprep.shards.manifest import Manifest
from tests.alexprep.commands import run
from tests.alexprep.sets import SETTINGS, plan_of, spoil


def test_bytes_and_error_fall_and_rise_with_the_quality(raw):
    found = compare_qualities(plan_of(raw, dataclasses.replace(SETTINGS, size=160)))
    assert [entry.quality for entry in found] == list(QUALITIES)
    sizes = [entry.sample_bytes for entry in found]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == len(set(psnr := [entry.psnr for entry in found])) == 4
    assert psnr == sorted(psnr, reverse=True)
    assert all(entry.rate > 0 for entry in found)


def test_the_sizes_are_those_of_the_shards(raw, target):
    plan = plan_of(raw, dataclasses.replace(SETTINGS, quality=85))
    build(plan, target, jobs=1)
    (found,) = (entry for entry in compare_qualities(plan, 1000) if entry.quality == 85)
    shards = Manifest.load(target).shards
    ends = 1024 * len(shards)  # two empty blocks
    assert found.images == 36
    assert found.sample_bytes * 36 == pytest.approx(sum(shard.bytes for shard in shards) - ends)


def test_the_error_is_that_of_the_stored_image(raw):
    plan = plan_of(raw)
    source = plan.tasks[0].samples[0].source
    data = (raw / source.name).read_bytes()
    stored = np.asarray(Image.open(io.BytesIO(prepare(data, SETTINGS)[0])), float)
    error = np.square(stored - square_array(data, SETTINGS)).mean()
    found = compare_qualities(plan, 1)[0]
    assert found.squared_error == pytest.approx(error, rel=1e-6)
    assert found.psnr == pytest.approx(20 * math.log10(255 / math.sqrt(error)))


def test_the_plans_own_quality_is_among_them(raw):
    plan = plan_of(raw, dataclasses.replace(SETTINGS, quality=60, format="png"))
    assert [entry.quality for entry in compare_qualities(plan, 2)] == [95, 90, 85, 75, 60]


def test_bad_files_do_not_count(raw):
    spoil(raw)
    heard = []
    found = compare_qualities(plan_of(raw), 1000, heard.append)
    assert found[0].images == sum(heard) == 35


def test_the_command_shows_them_and_writes_nothing(raw, target):
    result = run("shard", raw, target, "--size", 32, "--dry-run", "--compare-quality")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    (head,) = (number for number, line in enumerate(lines) if line.startswith("quality"))
    assert [line.split()[0] for line in lines[head + 2 : head + 6]] == ["95", "90", "85", "75"]
    assert not target.exists()
