"""What each bad input gets: the table of the design, row by row, through the commands themselves.

Interruptions have a file of their own (alexprep/test_interruption.py), damaged checkpoints too
(alextrain/test_checkpoint.py).
"""

import csv
import io
import json
import os
import shutil
import tarfile

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from alexprep.cli import main as alexprep
from alextrain.cli import main as alextrain

from .conftest import jpeg_bytes, smooth_image

SMALL = ("--size", 72, "--jobs", 1)
TINY_NET = ("--recipe", "quick", "--width", 0.05, "--crop", 67, "--epochs", 1, "--device", "cpu")


def run(program, *arguments, status):
    """Run a command; assert its status, and that a failure is one line and no traceback."""
    result = CliRunner().invoke(program, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output
    assert "Traceback" not in result.output
    if status == 1:
        assert result.output.splitlines()[-1].startswith("Error: ")
    return result.output


def shard(raw, shards, *options, status=0):
    return run(alexprep, "shard", raw, shards, *SMALL, *options, status=status)


def fit(shards, folder, *options, status=0):
    return run(alextrain, "fit", shards, *TINY_NET, "--run", folder, *options, status=status)


def outcomes(shards):
    with (shards / "report.csv").open(newline="") as file:
        return {row["file"].rsplit("/", 1)[1]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A raw set of two classes, its shards and statistics, and a run on them."""
    top = tmp_path_factory.mktemp("prepared")
    for split, count in (("train", 6), ("val", 2)):
        for name in ("cat", "dog"):
            folder = top / "raw" / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                (folder / f"{i}.jpg").write_bytes(jpeg_bytes(smooth_image(i, 90, 80)))
    shard(top / "raw", top / "shards")
    run(alexprep, "stats", top / "shards", status=0)
    fit(top / "shards", top / "run")
    return top


@pytest.fixture
def copy(prepared, tmp_path):
    shutil.copytree(prepared, tmp_path / "copy")
    return tmp_path / "copy"


# RAW missing, empty, one level too deep or too high, an unknown layout


def test_raw_missing(tmp_path):
    output = shard(tmp_path / "nowhere", tmp_path / "shards", status=1)
    assert str(tmp_path / "nowhere") in output
    assert not (tmp_path / "shards").exists()


def test_raw_empty(tmp_path):
    (tmp_path / "raw").mkdir()
    assert "empty" in shard(tmp_path / "raw", tmp_path / "shards", status=1)


@pytest.mark.parametrize("where", ["raw/train", "raw/train/cat", "."])
def test_raw_too_deep_or_too_high_names_the_right_folder(copy, where):
    raw = copy / where
    if where == ".":
        shutil.rmtree(copy / "shards")
        shutil.rmtree(copy / "run")
    output = shard(raw, copy / "new", status=1)
    assert str(copy / "raw") in output


def test_raw_of_an_unknown_layout(tmp_path):
    (tmp_path / "raw" / "stuff").mkdir(parents=True)
    (tmp_path / "raw" / "stuff" / "notes.txt").write_text("x")
    assert "stuff" in shard(tmp_path / "raw", tmp_path / "shards", status=1)


# no train split; no val split; one class only


def test_no_train_split(copy):
    shutil.rmtree(copy / "raw/train")
    shard(copy / "raw", copy / "only", "--split", "val")
    assert "has no split 'train'" in run(alexprep, "stats", copy / "only", status=1)
    assert "has no train split (it has val)" in fit(copy / "only", copy / "run2", status=1)


def test_no_val_split(copy):
    shutil.rmtree(copy / "raw/val")
    shard(copy / "raw", copy / "only")
    run(alexprep, "stats", copy / "only", status=0)
    output = fit(copy / "only", copy / "run2")
    assert "there is no val split: nothing will be validated" in output
    assert "Nothing was validated: there is no val split" in output


def test_one_class_only(copy):
    shutil.rmtree(copy / "raw/train/dog")
    shutil.rmtree(copy / "raw/val/dog")
    assert "one class" in shard(copy / "raw", copy / "only")
    run(alexprep, "stats", copy / "only", status=0)
    assert "has one class only (cat)" in fit(copy / "only", copy / "run2", status=1)


# bad files are skipped and named; flawed ones repaired; others converted


def whole_jpeg():
    return jpeg_bytes(smooth_image(5, 90, 80))


def in_format(kind, mode, **options):
    buffer = io.BytesIO()
    image = Image.fromarray(smooth_image(6, 90, 80)).convert(mode)
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def deep_gray():
    buffer = io.BytesIO()
    levels = np.arange(90 * 80, dtype=np.uint16).reshape(80, 90) * 9
    Image.fromarray(levels).save(buffer, "PNG")
    return buffer.getvalue()


BAD = {
    "empty file": b"",
    "not an image (text)": b"this is no image\n",
    "pixels are missing": whole_jpeg()[:-900] + b"\xff\xd9",
    "not an image of a known format": b"\x00\x01\x02\x03" * 50,
    "more than --max-pixels": jpeg_bytes(smooth_image(7, 400, 300)),
}


@pytest.mark.parametrize("reason", BAD)
def test_a_bad_file_is_skipped_named_and_status_3(copy, reason):
    (copy / "raw/train/cat/bad.JPEG").write_bytes(BAD[reason])
    shard(copy / "raw", copy / "new", "--max-pixels", 100_000, status=3)
    row = outcomes(copy / "new")["bad.JPEG"]
    assert row["done"] == "skipped"
    assert reason in row["what"]
    output = shard(
        copy / "raw", copy / "other", "--max-pixels", 100_000, "--on-bad", "fail", status=1
    )
    assert "bad.JPEG" in output
    assert reason in output


FLAWED = {
    "repaired: missing end marker": whole_jpeg()[:-2],
    "repaired: trailing bytes": whole_jpeg() + b"garbage" * 9,
    "repaired: corrupt EXIF": (
        whole_jpeg()[:2] + b"\xff\xe1\x00\x10Exif\0\0" + b"II*\0\xff\xff\0\0" + whole_jpeg()[2:]
    ),
    "converted: CMYK": in_format("JPEG", "CMYK"),
    "converted: transparency on white": in_format("PNG", "RGBA"),
    "converted: palette": in_format("PNG", "P"),
    "converted: 16-bit": deep_gray(),
    "converted: grayscale": in_format("JPEG", "L"),
    "converted: PNG": in_format("PNG", "RGB"),
    "converted: GIF": in_format("GIF", "P"),
    "converted: BMP": in_format("BMP", "RGB"),
    "converted: TIFF": in_format("TIFF", "RGB"),
    "converted: WebP": in_format("WEBP", "RGB"),
}


@pytest.mark.parametrize("note", FLAWED)
def test_a_flawed_or_foreign_file_is_taken_counted_and_status_0(copy, note):
    (copy / "raw/train/cat/odd.JPEG").write_bytes(FLAWED[note])
    shard(copy / "raw", copy / "new")
    done, what = note.split(": ")
    content = json.loads((copy / "new/manifest.json").read_text())
    assert content["samples"]["train"] == 13
    row = outcomes(copy / "new")["odd.JPEG"]
    assert row["done"] == done
    assert what in row["what"].split(", ")


@pytest.mark.parametrize("sides", [(20, 17), (5000, 2)])
def test_extreme_shapes_are_resized(copy, sides):
    odd = copy / "raw/train/cat/odd.JPEG"
    odd.write_bytes(jpeg_bytes(smooth_image(8, *sides)))
    shard(copy / "raw", copy / "new")
    assert json.loads((copy / "new/manifest.json").read_text())["samples"]["train"] == 13


# truncated raw tar; the target


def test_a_truncated_raw_tar_names_its_last_whole_member(copy):
    whole = copy / "raw.tar"
    with tarfile.open(whole, "w") as archive:
        archive.add(copy / "raw", arcname=".")
    data = whole.read_bytes()
    whole.write_bytes(data[: len(data) // 2])
    output = shard(whole, copy / "new", status=1)
    assert "raw.tar" in output
    assert ".jpg" in output


def test_a_target_that_is_not_ours_is_refused_before_any_work(copy):
    (copy / "mine").mkdir()
    (copy / "mine/thesis.txt").write_text("x")
    assert "thesis.txt" in shard(copy / "raw", copy / "mine", status=1)
    assert [path.name for path in (copy / "mine").iterdir()] == ["thesis.txt"]


def test_other_settings_on_a_finished_set_are_refused_with_the_difference(copy):
    before = (copy / "shards/manifest.json").read_bytes()
    assert "quality 95, 80" in shard(
        copy / "raw", copy / "shards", "--quality", 80, status=1
    ).replace(" and ", ", ")
    assert (copy / "shards/manifest.json").read_bytes() == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_target(copy):
    (copy / "locked").mkdir(mode=0o555)
    assert "cannot be written" in shard(copy / "raw", copy / "locked", status=1)


# shards and statistics of another version, changed, or of other shards


def test_shards_of_another_format_version(copy):
    path = copy / "shards/manifest.json"
    path.write_text(path.read_text().replace('"format_version": 2', '"format_version": 7'))
    for output in (
        run(alexprep, "stats", copy / "shards", status=1),
        fit(copy / "shards", copy / "run2", status=1),
        run(alextrain, "eval", copy / "run/best.pt", copy / "shards", status=1),
    ):
        assert "format version 7; this program reads version 2" in output


@pytest.mark.parametrize("how", ["changed", "missing"])
def test_a_changed_or_missing_shard(copy, how):
    path = copy / "shards/train-000000.tar"
    if how == "changed":
        path.write_bytes(path.read_bytes()[:-512])
    else:
        path.unlink()
    for output in (
        run(alexprep, "stats", copy / "shards", status=1),
        fit(copy / "shards", copy / "run2", status=1),
    ):
        assert "train-000000.tar" in output


def test_statistics_of_other_shards(copy):
    shard(copy / "raw", copy / "other", "--quality", 60)
    shutil.copy(copy / "shards/stats.npz", copy / "other/stats.npz")
    assert "belongs to other shards (fingerprint" in fit(copy / "other", copy / "run2", status=1)


# checkpoints


def test_a_checkpoint_of_another_number_of_classes(copy):
    extra = copy / "raw/train/emu"
    extra.mkdir()
    (extra / "0.jpg").write_bytes(whole_jpeg())
    shard(copy / "raw", copy / "more")
    run(alexprep, "stats", copy / "more", status=0)
    checkpoint = copy / "run/best.pt"
    output = run(alextrain, "eval", checkpoint, copy / "more", status=1)
    assert f"{checkpoint}: knows 2 classes where the shards have 3" in output
    output = fit(copy / "more", copy / "tuned", "--weights", checkpoint)
    assert "the last layer is new, because that run knows 2 classes" in output


def test_weights_of_another_model_name_key_and_shapes(copy):
    checkpoint = copy / "run/best.pt"
    output = fit(copy / "shards", copy / "tuned", "--width", 0.1, "--weights", checkpoint, status=1)
    assert "'features.conv1.weight' has shape [" in output
    assert "expected [" in output


def test_a_corrupt_checkpoint_and_one_with_a_pickled_object(copy):
    checkpoint = copy / "run/best.pt"
    whole = checkpoint.read_bytes()
    checkpoint.write_bytes(whole[: len(whole) // 2])
    assert "is damaged" in run(alextrain, "eval", checkpoint, copy / "shards", status=1)
    torch.save({"model": io.StringIO("an object")}, checkpoint)
    output = run(alextrain, "predict", checkpoint, copy / "raw/train/cat/0.jpg", status=1)
    assert "holds a pickled object; it is not opened" in output


# devices


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_cuda_without_cuda(copy):
    output = fit(copy / "shards", copy / "run2", "--device", "cuda", status=1)
    assert f"--device cuda: torch {torch.__version__}" in output
    assert "no GPU was found" in fit(copy / "shards", copy / "run2", "--device", "auto")


# what is listed and cannot be read


@pytest.mark.skipif(os.geteuid() == 0, reason="root may enter every folder")
def test_a_folder_that_may_not_be_entered_follows_on_bad(copy):
    (copy / "raw/train/cat").chmod(0)
    shard(copy / "raw", copy / "new", status=3)
    assert "Permission denied" in outcomes(copy / "new")["."]["what"]


def test_links_to_nothing_and_round_in_a_circle_follow_on_bad(copy):
    folder = copy / "raw/train/cat"
    (folder / "gone.jpg").symlink_to(copy / "nowhere")
    (folder / "again").symlink_to(folder)
    shard(copy / "raw", copy / "new", status=3)
    rows = outcomes(copy / "new")
    assert (rows["gone.jpg"]["done"], rows["gone.jpg"]["what"]) == ("skipped", "a link to nothing")
    assert rows["."]["what"] == "a link to a folder around it"
    (folder / "gone.jpg").unlink()
    (folder / "again").unlink()
    output = shard(copy / "raw", copy / "other", "--on-bad", "fail")
    assert "Skipped: 0 bad" in output
    (folder / "gone.jpg").symlink_to(copy / "nowhere")
    output = shard(copy / "raw", copy / "third", "--on-bad", "fail", status=1)
    assert "train/cat/gone.jpg: a link to nothing; repair or remove it" in output


# layouts: more of them in tests/alexprep/test_flat_splits.py, test_listfile.py, test_layouts.py


def test_a_layout_that_raw_does_not_have(copy):
    output = shard(copy / "raw", copy / "new", "--layout", "kaggle", status=1)
    assert "it looks like --layout imagefolder" in output
    assert "'cagle' is unknown" in shard(copy / "raw", copy / "n", "--layout", "cagle", status=1)


def test_a_flat_val_folder_that_nothing_explains(copy):
    for name in ("cat", "dog"):
        for image in (copy / "raw/val" / name).iterdir():
            image.rename(copy / "raw/val" / f"{name}{image.name}")
        (copy / "raw/val" / name).rmdir()
    assert "nothing says what they show; put" in shard(copy / "raw", copy / "new", status=1)
    assert not (copy / "new").exists()
    shard(copy / "raw", copy / "new", "--split", "train")


def test_a_test_split_is_prepared_measured_checked_and_left_alone_by_training(copy):
    shutil.copytree(copy / "raw/val", copy / "raw/test")
    assert "test: 4 samples in 1 shard" in shard(copy / "raw", copy / "new")
    run(alexprep, "stats", copy / "new", "--split", "test", status=0)
    run(alexprep, "stats", copy / "new", status=0)
    run(alexprep, "verify", copy / "new", status=0)
    fit(copy / "new", copy / "run2")
    output = run(
        alextrain, "eval", copy / "run2/best.pt", copy / "new", "--split", "test", status=0
    )
    assert "4" in output
