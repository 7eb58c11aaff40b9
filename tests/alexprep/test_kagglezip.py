"""Kaggle's zip: what it says of classes and of val, and what is wrong with a damaged one."""

import zipfile

import pytest

from alexprep.errors import RawError
from alexprep.raw.containers import Zip
from alexprep.raw.detect import open_raw
from alexprep.raw.kagglezip import KaggleMembers
from tests.alexprep.layoutsets import write_kaggle_zip
from tests.alexprep.rawsets import WORDS, tree


def without(path, name, content=None):
    """Write the zip again without a member, or with another content of it."""
    with zipfile.ZipFile(path) as old:
        members = {info.filename: old.read(info) for info in old.infolist()}
    del members[name]
    if content is not None:
        members[name] = content
    with zipfile.ZipFile(path, "w") as new:
        for key, data in members.items():
            new.writestr(key, data)
    return path


def test_words_and_what_is_not_read_are_told(tmp_path):
    raw = open_raw(write_kaggle_zip(tmp_path / "raw", tree()))
    assert raw.words == WORDS
    assert "test: 1 file not read: nothing says what they show" in raw.found


def test_without_the_list_val_cannot_be_used_and_train_can(tmp_path):
    path = without(write_kaggle_zip(tmp_path / "raw", tree()), "LOC_val_solution.csv")
    raw = open_raw(path)
    assert list(raw.splits) == ["train"]
    assert "nothing says what they show" in raw.unusable["val"]


def test_a_damaged_list_is_named(tmp_path):
    name = "LOC_val_solution.csv"
    path = without(write_kaggle_zip(tmp_path / "raw", tree()), name, b"what is this")
    with pytest.raises(
        RawError, match=r"raw\.zip: LOC_val_solution.csv: does not begin with Image"
    ):
        open_raw(path)


def test_it_is_taken_for_imagenet(tmp_path):
    assert open_raw(write_kaggle_zip(tmp_path / "raw", tree())).release == "ILSVRC2012"


@pytest.mark.parametrize("name", ["LOC_val_solution.csv", "LOC_synset_mapping.txt"])
def test_a_list_whose_bytes_are_damaged_is_named(tmp_path, name):
    path = write_kaggle_zip(tmp_path / "raw", tree())
    data = bytearray(path.read_bytes())
    data[data.index(name.encode()) + len(name) + 3] ^= 255
    path.write_bytes(data)
    with pytest.raises(RawError, match=rf"raw\.zip: {name}: damaged in its archive"):
        open_raw(path)


def test_a_list_that_excel_saved_has_a_mark_in_front(tmp_path):
    name = "LOC_val_solution.csv"
    path = write_kaggle_zip(tmp_path / "raw", tree())
    plain = open_raw(path).splits["val"]
    with zipfile.ZipFile(path) as archive:
        marked = b"\xef\xbb\xbf" + archive.read(name)
    again = open_raw(without(path, name, marked)).splits["val"]
    assert [source.name for source in again] == [source.name for source in plain]


def test_what_is_secret_in_a_url_is_not_printed():
    url = "https://me:pass@host/raw.zip?token=secret"
    members = KaggleMembers(url, Zip(url))
    members.take(("ILSVRC", "Data", "CLS-LOC", "val", "a.JPEG"), 0, 1)
    reason = members.raw_set().unusable["val"]
    assert "host/raw.zip" in reason
    assert "secret" not in reason
    assert "pass" not in reason


def test_val_sorted_into_class_folders_is_read_and_strays_are_named(tmp_path):
    inside = "ILSVRC/Data/CLS-LOC"
    with zipfile.ZipFile(tmp_path / "raw.zip", "w") as archive:
        for name in ("train/a/1.JPEG", "train/loose.JPEG", "val/a/2.JPEG", "val/flat.JPEG"):
            archive.writestr(f"{inside}/{name}", b"x")
    raw = open_raw(tmp_path / "raw.zip")
    assert [source.name for source in raw.splits["val"]] == ["val/a/2.JPEG"]
    assert "not read: train/loose.JPEG, val/flat.JPEG" in raw.found


def test_a_folder_around_it_all_and_files_beside_it_are_told(tmp_path):
    path = write_kaggle_zip(tmp_path / "raw", tree())
    whole = open_raw(path)
    with zipfile.ZipFile(path) as old:
        members = {info.filename: old.read(info) for info in old.infolist()}
    with zipfile.ZipFile(path, "w") as new:
        for key, data in members.items():
            new.writestr(f"imagenet/{key}", data)
        new.writestr("train/extra/1.JPEG", b"x")
    wrapped = open_raw(path)
    names = [[source.name for source in raw.splits["val"]] for raw in (wrapped, whole)]
    assert names[0] == names[1] != []
    assert "not read: train/extra/1.JPEG" in wrapped.found
