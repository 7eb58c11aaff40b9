"""The main commands as a user types them."""

import re

import pytest
from PIL import Image

from alexprep.cli.options import fit_options
from alexprep.shards.manifest import Manifest
from alexprep.shards.statistics import Statistics
from tests.alexprep.commands import run
from tests.conftest import ROOT


def test_the_main_job_from_raw_images_to_statistics(raw_folder, tmp_path):
    shards = tmp_path / "shards"
    result = run("shard", raw_folder, shards, "--size", 32, "--jobs", 1)
    assert result.exit_code == 0, result.output
    for text in (
        f"Found in {raw_folder} (imagefolder):\n  train: 24 files of 3 classes\n  val: 12 files",
        "Plan:\n  train: 24 samples in 1 shard\n  val: 12 samples in 1 shard\n",
        "with 1 job (",
        "measured on 36 images of the set",
        f"0 kept; {shards} holds 36 images in 2 shards, ",
        "Skipped: 0 bad, repaired: 0, converted: 0",
        f"Next: alexprep stats {shards}",
    ):
        assert text in result.output
    result = run("stats", shards)
    assert result.exit_code == 0, result.output
    assert "24 images of train, 32x32, every pixel" in result.output
    assert "121.78  37.09  19.72" in result.output
    assert f"Next: alextrain fit {shards}" in result.output
    statistics = Statistics.load(shards / "stats.npz", Manifest.load(shards).fingerprint)
    assert statistics.count == 24
    for name in ("mean.png", "eigenbasis.png"):
        with Image.open(shards / "figures" / name) as picture:
            assert min(picture.size) > 400


def test_the_same_command_again_does_nothing(raw_folder, shards):
    before = {path.name: path.stat().st_mtime_ns for path in shards.iterdir()}
    result = run("shard", raw_folder, shards, "--size", 32, "--jobs", 1)
    assert result.exit_code == 0
    assert f"Nothing to do: {shards} holds 36 images in 2 shards" in result.output
    assert {path.name: path.stat().st_mtime_ns for path in shards.iterdir()} == before


def test_recheck_makes_a_damaged_shard_anew(raw_folder, shards):
    path = shards / "train-000000.tar"
    good = path.read_bytes()
    path.write_bytes(good[:700] + bytes([good[700] ^ 1]) + good[701:])
    assert run("verify", shards).exit_code == 1
    result = run("shard", raw_folder, shards, "--size", 32, "--jobs", 1, "--recheck")
    assert "Written: 1 shard in" in result.output
    assert path.read_bytes() == good
    assert run("verify", shards).exit_code == 0


def test_every_setting_arrives_in_the_manifest(raw_folder, tmp_path):
    options = {
        "size": 24, "geometry": "warp", "filter": "lanczos", "format": "jpg", "quality": 80,
        "subsampling": "4:4:4", "shard_size": 7, "max_pixels": 5000, "seed": 3,
    }  # fmt: skip
    arguments = ["--exif-transpose"]
    arguments += [
        x for name, value in options.items() for x in (f"--{name.replace('_', '-')}", value)
    ]
    result = run("shard", raw_folder, tmp_path / "s", "--jobs", 1, *arguments)
    assert result.exit_code == 3, result.output  # some images have more than 5,000 pixels
    assert Manifest.load(tmp_path / "s").settings.to_dict() == options | {"exif_transpose": True}


def test_a_dry_run_says_the_plan_and_writes_nothing(raw_folder, tmp_path):
    result = run("shard", raw_folder, tmp_path / "shards", "--dry-run", "--split", "val")
    assert result.exit_code == 0
    assert "Plan:\n  val: 12 samples in 1 shard\nEstimate: " in result.output
    assert result.output.endswith("Nothing was written. Next: the same command without --dry-run\n")
    assert not (tmp_path / "shards").exists()


def test_bad_files_are_skipped_and_named_with_status_3(raw_folder, tmp_path):
    (raw_folder / "train/n00000001/bad.JPEG").write_text("this is text")
    result = run("shard", raw_folder, tmp_path / "shards", "--jobs", 1)
    assert result.exit_code == 3
    assert "Skipped: 1 bad" in result.output
    assert re.search(r"^  skipped 1, .*: train/n00000001/bad.JPEG$", result.output, re.MULTILINE)
    assert f"Report: {tmp_path / 'shards/report.csv'}" in result.output
    again = run("shard", raw_folder, tmp_path / "shards", "--jobs", 1)
    assert again.exit_code == 3


def test_bad_files_can_end_the_run_with_status_1(raw_folder, tmp_path):
    (raw_folder / "train/n00000001/bad.JPEG").write_text("this is text")
    result = run("shard", raw_folder, tmp_path / "shards", "--jobs", 1, "--on-bad", "fail")
    assert result.exit_code == 1
    assert "Error: train/n00000001/bad.JPEG: " in result.output


def test_what_is_allowed_but_seldom_meant_is_noted(tmp_path, raw_folder):
    for name in ("n00000002", "n00000003"):
        for path in raw_folder.glob(f"*/{name}/*"):
            path.unlink()
    result = run("shard", raw_folder, tmp_path / "shards", "--dry-run")
    assert "Note: only one class (n00000001): there is nothing to learn from it" in result.output


@pytest.mark.parametrize(("size", "crop"), [(256, None), (160, 143), (128, 115), (72, 67)])
def test_the_crop_that_is_proposed_is_the_paper_s_share_and_fits_conv1(size, crop):
    assert fit_options(size) == (f" --recipe quick --crop {crop}" if crop else "")


def test_pages_and_the_demo_take_the_crop_that_is_proposed():
    proposed = fit_options(160).partition("--crop ")[2]
    for name in ("README.md", "docs/tutorial.md", "scripts/demo.sh", "scripts/learn.sh"):
        crops = set(re.findall(r"--crop (\d+)", (ROOT / name).read_text()))
        assert crops == {proposed}, name
