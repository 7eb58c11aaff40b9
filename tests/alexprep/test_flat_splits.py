"""Flat val folders: every file that says what the images show, and what does not fit."""

import re

import pytest

from alexprep.errors import RawError
from alexprep.planning.plan import make_plan
from alexprep.raw.detect import open_raw
from alexprep.raw.source import read_source
from alexprep.settings import PrepSettings
from tests.alexprep.layoutsets import (
    VAL,
    flat,
    write_caffe,
    write_devkit,
    write_flat_val,
    write_solution,
)
from tests.alexprep.rawsets import WORDS, tree, write_folders

TRUTHS = {"devkit": write_devkit, "Caffe": write_caffe, "Kaggle": write_solution}


@pytest.fixture(params=TRUTHS)
def write_truth(request):
    return TRUTHS[request.param]


def complaint(root):
    """What planning all splits says; planning train alone works all the same."""
    raw = open_raw(root)
    assert make_plan(raw, PrepSettings(), ["train"]).samples() == 15
    with pytest.raises(RawError) as caught:
        make_plan(raw, PrepSettings())
    assert str(caught.value).endswith("; or prepare train alone with --split")
    return str(caught.value)


def test_without_a_ground_truth_val_is_refused_and_train_can_be_had(tmp_path):
    message = complaint(write_folders(tmp_path, flat(tree(), "val")))
    assert "holds 4 files and no class folder, and nothing says what they show; put" in message
    assert "LOC_val_solution.csv or Caffe's val.txt into" in message


def test_a_file_that_the_ground_truth_does_not_name_is_refused(tmp_path, write_truth):
    root = write_flat_val(tmp_path, tree(), write_truth)
    (root / "val" / "stranger.JPEG").write_bytes(b"x")
    assert "holds stranger.JPEG, which the ground truth does not name" in complaint(root)


def test_an_image_too_few_is_refused_with_both_counts(tmp_path, write_truth):
    root = write_flat_val(tmp_path, tree(), write_truth)
    (root / "val" / f"{VAL}3.JPEG").unlink()
    assert "holds 3 images where the ground truth has 4" in complaint(root)


def test_two_ground_truths_have_to_agree(tmp_path):
    root = write_flat_val(tmp_path, tree(), write_devkit)
    write_solution(root, tree())
    assert len(open_raw(root).splits["val"]) == 4
    path = root / "LOC_val_solution.csv"
    path.write_text(path.read_text().replace(f"{VAL}2,n00000003", f"{VAL}2,n00000001"))
    assert re.search(rf"t12 says n00000003 of {VAL}2, and .*csv says n00000001", complaint(root))


def test_numbers_count_the_synsets_beside_them_or_the_train_folders(tmp_path):
    root = write_flat_val(tmp_path, tree(), write_caffe)
    before = open_raw(root).splits["val"]
    (root / "train" / "n00000009").mkdir()
    (root / "train" / "n00000009" / "1.jpg").write_bytes(b"x")
    reason = r"numbers classes from 0 to 2, but there are 4 .* synsets"
    assert re.search(reason, open_raw(root).unusable["val"])
    (root / "synsets.txt").write_text("".join(f"{wnid}\n" for wnid in sorted(WORDS)))
    assert open_raw(root).splits["val"] == before
    (root / "synsets.txt").unlink()
    words = "".join(f"{wnid} {text}\n" for wnid, text in sorted(WORDS.items()))
    (root / "synset_words.txt").write_text(words, "utf-8")
    raw = open_raw(root)
    assert (raw.splits["val"], raw.words) == (before, WORDS)


def test_kaggles_list_that_only_counts_its_lines_is_no_ground_truth(tmp_path):
    root = write_folders(tmp_path, flat(tree(), "val"))
    (root / "val.txt").write_text("".join(f"{VAL}{i} {i}\n" for i in range(1, 5)))
    assert "val.txt: numbers classes from 0 to 4, but there are 3" in complaint(root)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("val.txt", f"{VAL}1.JPEG\n", "line 1 is not a name and a number"),
        ("val.txt", f"{VAL}1.JPEG one\n", "line 1 is not a name and a number"),
        ("val.txt", f"{VAL}1.JPEG \u00b2\n", "line 1 is not a name and a number"),
        ("val.txt", f"{VAL}1.JPEG {'9' * 5000}\n", "line 1 is not a name and a number"),
        ("LOC_val_solution.csv", "id,label\n", "does not begin with ImageId,PredictionString"),
        ("LOC_val_solution.csv", f"ImageId,PredictionString\n{VAL}1,\n", "line 2 is not ImageId"),
        ("LOC_val_solution.csv", "", "does not begin with ImageId"),
    ],
)
def test_damaged_lists_name_the_line(tmp_path, name, text, reason):
    root = write_folders(tmp_path, flat(tree(), "val"))
    (root / name).write_text(text)
    assert f"{name}: {reason}" in complaint(root)


def test_a_link_to_nothing_in_a_flat_folder_is_a_bad_file(tmp_path, write_truth):
    root = write_flat_val(tmp_path, tree(), write_truth)
    image = root / "val" / f"{VAL}1.JPEG"
    image.unlink()
    image.symlink_to(tmp_path / "nowhere")
    first = open_raw(root).splits["val"][0]
    assert (first.class_name, first.size) == ("n00000001", 0)
    with pytest.raises(Exception, match=r"^cannot be read: No such file or directory$"):
        read_source(first)


def test_unlabelled_test_images_are_passed_over(tmp_path):
    root = write_flat_val(tmp_path, tree() | {"test/x/ILSVRC2012_test_1.JPEG": b""}, write_devkit)
    (root / "test" / "x" / "ILSVRC2012_test_1.JPEG").rename(root / "test" / "1.JPEG")
    (root / "test" / "x").rmdir()
    raw = open_raw(root)
    assert list(raw.splits) == ["train", "val"]
    assert any(line.endswith("(1.JPEG): nothing says what they show") for line in raw.found)


def test_folders_of_one_split_under_two_names_are_refused(tmp_path):
    write_folders(tmp_path, {"train/a/1": b"", "valid/a/1": b"", "validation/a/1": b""})
    with pytest.raises(RawError, match="valid and validation are one split, val; rename one"):
        open_raw(tmp_path)


def test_class_folders_without_split_are_taken_where_that_is_certain_or_asked_for(tmp_path):
    certain = write_folders(tmp_path / "a", {"n00000001/1.jpg": b"1", "n00000002/x/2.jpg": b"2"})
    raw = open_raw(certain)
    assert [source.name for source in raw.splits["train"]] == [
        "train/n00000001/1.jpg",
        "train/n00000002/x/2.jpg",
    ]
    assert list(map(read_source, raw.splits["train"])) == [b"1", b"2"]
    assert raw.found[0].startswith("no folder of a split: its folders are taken for classes")
    unsure = write_folders(tmp_path / "b", {"cat/1.jpg": b"1", "dog/1.jpg": b"2"})
    with pytest.raises(RawError, match="are classes, say so with --layout imagefolder"):
        open_raw(unsure)
    assert len(open_raw(unsure, "imagefolder").splits["train"]) == 2
