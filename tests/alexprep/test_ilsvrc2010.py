"""The archives of 2010: what is missing, what does not fit."""

import pytest

from alexprep.errors import RawError
from alexprep.planning.labels import class_names
from alexprep.planning.plan import make_plan
from alexprep.raw.detect import open_raw
from alexprep.settings import PrepSettings
from tests.alexprep.layoutsets import tree_2010, write_2010
from tests.alexprep.rawsets import IDS

TRUTH = "ILSVRC2010_test_ground_truth.txt"


@pytest.fixture
def official(tmp_path):
    return write_2010(tmp_path / "official", tree_2010())


def test_numbers_of_the_devkit_of_2010_order_the_labels(official):
    raw = open_raw(official)
    assert (raw.release, raw.devkit_ids) == ("ILSVRC2010", IDS)
    assert [IDS[name] for name in class_names(raw, "devkit")] == [1, 2, 3]
    assert raw.train_counts == {"n00000001": 5, "n00000002": 5, "n00000003": 5}


def test_without_its_ground_truth_the_test_split_alone_is_refused(official):
    (official / TRUTH).unlink()
    raw = open_raw(official)
    assert list(raw.splits) == ["train", "val"]
    with pytest.raises(RawError, match=rf"_test\.tar: .* put {TRUTH} into {official}; or prepare"):
        make_plan(raw, PrepSettings())
    assert make_plan(raw, PrepSettings(), ["train", "val"]).samples() == 19


def test_without_the_devkit_train_is_left(official):
    (official / "devkit-1.0").rename(official / "elsewhere")
    raw = open_raw(official)
    assert list(raw.splits) == ["train"]
    assert sorted(raw.unusable) == ["test", "val"]
    assert "put ILSVRC2010_devkit-1.0.tar.gz into" in raw.unusable["val"]
    assert raw.found[-1] == "not read: elsewhere"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1\n2\n", r"holds 5 images, from ILSVRC2010_test_00000001\.JPEG, .* has 2 lines"),
        ("1\n2\n3\n1\n9\n", rf"line 5 of {TRUTH} is class 9, which meta\.mat does not have"),
        ("1\ntwo\n", rf"{TRUTH} is not one number a line"),
    ],
)
def test_a_ground_truth_that_does_not_fit_is_refused(official, text, reason):
    (official / TRUTH).write_text(text)
    with pytest.raises(RawError, match=reason):
        make_plan(open_raw(official), PrepSettings())


def test_one_of_the_archives_names_their_folder(official):
    with pytest.raises(RawError, match=rf"give the folder: {official}$"):
        open_raw(official / "ILSVRC2010_images_val.tar")
