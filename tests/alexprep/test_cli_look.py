"""The commands that look at shards or at the machine, and `synth`."""

import re

import numpy as np
from PIL import Image

from alexprep.shards.manifest import Manifest
from tests.alexprep.commands import run
from tests.conftest import jpeg_bytes, smooth_image


def test_verify_names_each_damaged_file_and_the_remedy(shards):
    result = run("verify", shards)
    assert result.exit_code == 0
    assert "2 shards with 36 samples are as written; fingerprint " in result.output
    (shards / "val-000000.tar").unlink()
    result = run("verify", shards)
    assert result.exit_code == 1
    assert "val-000000.tar: is missing\n" in result.output
    assert f"Error: {shards}: 1 file is not as written; " in result.output
    assert f"alexprep verify {shards} --repair RAW" in result.output


def test_stats_refuses_shards_that_were_changed(shards):
    path = shards / "manifest.json"
    path.write_text(path.read_text().replace('"quality": 95', '"quality": 90'))
    result = run("stats", shards)
    assert result.exit_code == 1
    assert "manifest.json: was changed after it was written" in result.output
    assert not (shards / "stats.npz").exists()


def test_stats_of_another_split_and_of_none(shards):
    assert (
        "36 images of train+val"
        in run("stats", shards, "--split", "train", "--split", "val").output
    )
    result = run("stats", shards, "--split", "test")
    assert (result.exit_code, "has no split 'test'; it has train, val" in result.output) == (
        1,
        True,
    )


def test_info_is_a_table_and_says_whether_there_are_statistics(shards):
    result = run("info", shards)
    assert result.exit_code == 0
    assert re.search(r"^train\s+24\s+1\s", result.output, re.MULTILINE)
    assert Manifest.load(shards).fingerprint in result.output
    assert f"none yet: alexprep stats {shards}" in result.output
    run("stats", shards)
    assert "of 24 images (train)" in run("info", shards).output


def test_preview_draws_a_grid(shards, tmp_path):
    result = run("preview", shards, "-o", tmp_path / "grid.png", "--split", "val", "--images", 5)
    assert result.output == f"{tmp_path / 'grid.png'}: 5 images of val\n"
    with Image.open(tmp_path / "grid.png") as picture:
        assert np.asarray(picture.convert("L")).std() > 10


def test_synth_draws_a_set_that_shard_reads(tmp_path):
    raw = tmp_path / "raw"
    options = ["--classes", 2, "--train", 6, "--val", 4, "--large", 0, "--jobs", 1]
    result = run("synth", raw, *options, "--layout", "ilsvrc2012")
    assert result.output.startswith(
        f"{raw}: 6 train and 4 val images, 2 classes\nNext: alexprep shard"
    )
    again = run("synth", raw, *options, "--layout", "ilsvrc2012")
    assert f"{raw}: nothing to do, holds 6 train" in again.output
    result = run("shard", raw, tmp_path / "shards", "--size", 32, "--jobs", 1)
    assert result.exit_code == 0, result.output
    assert "(ilsvrc2012):" in result.output
    assert set(Manifest.load(tmp_path / "shards").words) == {"striped disc", "dotted star"}


def test_doctor_prints_a_line_for_each_thing(tmp_path):
    result = run("doctor", tmp_path)
    assert result.exit_code == 0, result.output
    for name in ("Pillow", "resizing", "libjpeg", "cores", "disk"):
        assert re.search(rf"^(ok|note|slow) +{name} ", result.output, re.MULTILINE)


def test_doctor_ends_with_status_1_where_something_is_broken(tmp_path, monkeypatch):
    monkeypatch.setattr("alexprep.doctor.installed", lambda package: f"1.0 of {package}")
    result = run("doctor", tmp_path)
    assert result.exit_code == 1
    assert re.search(r"^broken +Pillow ", result.output, re.MULTILINE)


def test_doctor_of_a_folder_that_is_not_there_is_an_error(tmp_path):
    result = run("doctor", tmp_path / "nowhere")
    assert result.exit_code == 1
    assert result.output.endswith(
        "nowhere: no such folder; name the one in which shards are to be made\n"
    )


def test_names_of_classes_cannot_break_a_table(tmp_path):
    raw = tmp_path / "raw" / "train"
    for name in ("two\nlines", "a\ttab", "caf\udce9"):
        (raw / name).mkdir(parents=True)
        (raw / name / "1.jpg").write_bytes(jpeg_bytes(smooth_image(1, 20, 20)))
    assert run("shard", raw.parent, tmp_path / "shards", "--size", 16, "--jobs", 1).exit_code == 0
    result = run("info", tmp_path / "shards")
    assert result.exit_code == 0, result.output
    assert "classes      3 (a\\x09tab, caf\\xe9, two\\x0alines, ...)\n" in result.output
