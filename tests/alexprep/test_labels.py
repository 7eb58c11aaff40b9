import pytest

from alexprep.errors import RawError, SettingsError
from alexprep.planning.labels import class_names
from alexprep.raw.detect import open_raw
from tests.alexprep.rawsets import IDS, tree, write_folders, write_official


def test_the_default_order_is_that_of_the_sorted_names(tmp_path):
    raw = open_raw(write_official(tmp_path, tree()))
    assert class_names(raw) == ("n00000001", "n00000002", "n00000003")


def test_the_order_of_the_devkit_is_that_of_its_numbers(tmp_path):
    names = class_names(open_raw(write_official(tmp_path, tree())), "devkit")
    assert [IDS[name] for name in names] == [1, 2, 3]
    assert names != tuple(sorted(names))


def test_a_class_of_any_split_counts_and_an_empty_folder_does_not(tmp_path):
    write_folders(tmp_path, {"train/b/1.jpg": b"", "val/a/1.jpg": b"", "train/B/1.jpg": b""})
    (tmp_path / "train" / "empty").mkdir()
    assert class_names(open_raw(tmp_path)) == ("B", "a", "b")


def test_the_order_of_the_devkit_needs_one_that_knows_all_classes(tmp_path):
    raw = open_raw(write_folders(tmp_path, {"train/cat/1.jpg": b"", "train/dog/1.jpg": b""}))
    with pytest.raises(RawError, match=r"there is none for cat, dog; put the devkit into"):
        class_names(raw, "devkit")
    with pytest.raises(SettingsError, match="'alphabetical' is unknown; choose wnid, devkit, own"):
        class_names(raw, "alphabetical")
