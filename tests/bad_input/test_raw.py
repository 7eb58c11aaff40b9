"""What each bad raw folder or target gets: the table of the design, row by row.

Interruptions have a file of their own: alexprep/test_interruption.py.
"""

import os
import shutil
import tarfile

import pytest

from alexprep.cli import main as alexprep
from alextrain.cli import main as alextrain

from .commands import fit, outcomes, run, shard

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


def test_images_smaller_than_the_shards_are_said_to_be_enlarged(copy):
    assert "enlarged" not in shard(copy / "raw", copy / "same", "--size", 80)
    output = shard(copy / "raw", copy / "larger", "--size", 96)
    assert "most images have fewer than 96 rows or columns (in the middle 80)" in output


def test_raw_of_an_unknown_layout(tmp_path):
    (tmp_path / "raw" / "stuff").mkdir(parents=True)
    (tmp_path / "raw" / "stuff" / "notes.txt").write_text("x")
    assert "stuff" in shard(tmp_path / "raw", tmp_path / "shards", status=1)


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
