"""Pictures of what is in a set: augmentation, levels, odd files."""

import io
import os

import numpy as np
import pytest
from PIL import Image

from alexprep.building.build import build
from alexprep.figures import draw_augmentation, draw_histograms, draw_odd_files, draw_preview
from alexprep.figures.histograms import count_levels
from alexprep.planning.plan import make_plan
from alexprep.raw.detect import open_raw
from alexprep.shards.reader import ShardReader
from alexprep.shards.statistics import Statistics

from .commands import run
from .pictures import jpeg
from .rawsets import write_folders
from .sets import SETTINGS, plan_of, spoil
from .shardsets import noise, write_shards
from .test_figures import holds_colour, pixels


def one_axis(colour):
    """Statistics whose only axis of colour is red, 50 levels."""
    outer = np.diag([2500.0, 0, 0]) + np.outer(colour, colour)
    image = np.broadcast_to(np.asarray(colour, np.int64) * 256, (16, 16, 3))
    return Statistics(256, image, np.round(outer * 65536).astype(np.int64), "0" * 64, "train")


def test_the_augmentation_shifts_whole_images_along_the_axes(tmp_path):
    colour = (100, 110, 120)
    images = np.stack([np.full((16, 16, 3), colour, np.uint8)])
    reader = ShardReader(write_shards(tmp_path / "shards", {"train": images}), "train")
    draw_augmentation(reader, one_axis(colour), tmp_path / "a.png")
    draws = np.random.default_rng(0).standard_normal((1, 5, 3))[0, :, 0]
    for std in (0.1, 0.5):
        for draw in draws:
            shifted = (int(np.clip(100 + std * 50 * draw, 0, 255)), 110, 120)
            assert holds_colour(tmp_path / "a.png", shifted, 5_000)
    reader.close()


def test_levels_are_counted_exactly(tmp_path):
    images = noise(5, 4, 16)
    reader = ShardReader(write_shards(tmp_path / "shards", {"train": images}), "train")
    counts = count_levels(reader, 3)
    for channel in range(3):
        expected = np.bincount(images[:3, ..., channel].ravel(), minlength=256)
        assert np.array_equal(counts[channel], expected)
    draw_histograms(reader, tmp_path / "h.png", 3)
    for colour in ((192, 57, 43), (39, 174, 96), (44, 95, 168)):
        assert holds_colour(tmp_path / "h.png", colour, 100)
    reader.close()


def test_flat_images_have_a_histogram(tmp_path):
    images = np.zeros((2, 16, 16, 3), np.uint8)
    reader = ShardReader(write_shards(tmp_path / "shards", {"train": images}), "train")
    draw_histograms(reader, tmp_path / "h.png")
    assert pixels(tmp_path / "h.png").shape[1] > 500
    reader.close()


def test_odd_files_are_shown_as_they_are_stored(raw, target, tmp_path):
    spoil(raw)
    teal = Image.new("CMYK", (60, 60), (255, 0, 0, 100))
    teal.save(raw / "train/n00000001/train_0_1.JPEG", "JPEG", quality=95)
    build(plan_of(raw), target, jobs=1)
    assert draw_odd_files(target, tmp_path / "odd.png") == 2
    reader = ShardReader(target, "train")
    (number,) = (n for n in range(len(reader)) if reader.key(n).endswith("train_0_1"))
    stored = np.asarray(Image.open(io.BytesIO(reader.read(number))))[16, 16]
    assert holds_colour(tmp_path / "odd.png", stored.astype(int), 10_000)
    assert holds_colour(tmp_path / "odd.png", (238, 238, 238), 10_000)  # the one without
    reader.close()


def test_each_kind_of_odd_file_is_shown_where_there_are_too_many(raw, target, tmp_path):
    for number in range(1, 8):
        spoil(raw, f"train/n00000002/train_1_{number}.JPEG")
    (raw / "train/n00000001/train_0_1.JPEG").write_bytes(jpeg(60, 60, seed=1) + b"tail")
    build(plan_of(raw), target, jobs=1)
    assert draw_odd_files(target, tmp_path / "odd.png", files=2) == 2
    assert holds_colour(tmp_path / "odd.png", (214, 137, 16), 400)  # the edge of what was repaired


def test_where_nothing_is_odd_nothing_is_drawn(raw, target, tmp_path):
    build(plan_of(raw), target, jobs=1)
    assert draw_odd_files(target, tmp_path / "odd.png") == 0
    assert not (tmp_path / "odd.png").exists()


def test_the_command_draws_every_picture(raw, target):
    spoil(raw)
    build(plan_of(raw), target, jobs=1, measured=["train"])
    result = run("figures", target)
    assert result.exit_code == 0, result.output
    names = sorted(path.name for path in (target / "figures").iterdir())
    assert names == [
        "augmentation.png",
        "eigenbasis.png",
        "histograms.png",
        "mean.png",
        "odd.png",
        "preview-train.png",
        "preview-val.png",
    ]
    assert [line.rpartition("/")[2] for line in result.output.splitlines()] == [
        "mean.png",
        "eigenbasis.png",
        "augmentation.png",
        "histograms.png",
        "preview-train.png",
        "preview-val.png",
        "odd.png",
    ]
    assert all(pixels(target / "figures" / name).size for name in names)


def test_without_statistics_it_says_how_to_make_them(raw, target):
    build(plan_of(raw), target, jobs=1)
    result = run("figures", target)
    assert result.exit_code == 1
    assert "stats.npz: is missing; make it with `alexprep stats" in result.output


@pytest.mark.filterwarnings("error")
def test_classes_and_files_may_be_called_anything(tmp_path):
    files = {}
    for number, name in enumerate(("$x_{", "a\nb", os.fsdecode(b"c\xff"), "犬 \U0001f415", " ")):
        files[f"train/{name}/1.JPEG"] = jpeg(40, 40, seed=number)
        files[f"train/{name}/{name}$.JPEG"] = b"text"
    raw = write_folders(tmp_path / "raw", files)
    target = tmp_path / os.fsdecode(b"$s\xfe")
    build(make_plan(open_raw(raw), SETTINGS), target, 1)
    assert draw_preview(target, tmp_path / "p.png", "train") == 5
    assert draw_odd_files(target, tmp_path / "o.png") == 5
