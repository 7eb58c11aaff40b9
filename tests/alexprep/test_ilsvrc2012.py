import pytest

from alexprep.errors import RawError
from alexprep.planning.plan import make_plan
from alexprep.raw.devkit import ARCHIVE, FOLDER, GROUND_TRUTH, find_devkit
from alexprep.raw.ilsvrc2012 import TRAIN, VAL
from alexprep.raw.source import read_source
from alexprep.settings import PrepSettings
from tests.alexprep.rawsets import (
    IDS,
    WORDS,
    devkit_archive,
    open_as,
    tar_bytes,
    tree,
    write_folders,
    write_official,
)


@pytest.fixture
def official(tmp_path):
    return write_official(tmp_path / "official", tree())


def listed(raw):
    return {
        split: [(s.class_name, s.name, s.size, read_source(s)) for s in sources]
        for split, sources in raw.splits.items()
    }


def test_the_archives_give_the_sources_of_unpacked_class_folders(tmp_path, official):
    raw = open_as("ilsvrc2012", official)
    assert listed(raw) == listed(open_as("imagefolder", write_folders(tmp_path / "raw", tree())))
    assert (raw.words, raw.devkit_ids) == (WORDS, IDS)
    assert raw.found == ["train: 15 files of 3 classes", "val: 4 files of 3 classes"]


def test_val_labels_follow_the_order_of_names_not_of_the_archive(official):
    classes = {s.name[-13:]: s.class_name for s in open_as("ilsvrc2012", official).splits["val"]}
    assert [classes[f"{i:08d}.JPEG"] for i in (1, 2, 3, 4)] == [
        "n00000001",
        "n00000003",
        "n00000002",
        "n00000001",
    ]


def test_train_alone_needs_no_devkit_and_says_what_is_not_there(official):
    (official / VAL).unlink()
    (official / ARCHIVE).unlink()
    raw = open_as("ilsvrc2012", official)
    assert list(raw.splits) == ["train"]
    assert raw.found[1:] == [f"val: no {VAL}", f"no {ARCHIVE}: the classes have no words"]


def test_val_alone_is_a_raw_set(official):
    (official / TRAIN).unlink()
    assert list(open_as("ilsvrc2012", official).splits) == ["val"]


def test_val_without_devkit_says_what_is_missing_and_where_it_belongs(official):
    (official / ARCHIVE).unlink()
    raw = open_as("ilsvrc2012", official)
    with pytest.raises(RawError, match=rf"{VAL}: .* put {ARCHIVE} .* into {official}.* --split"):
        make_plan(raw, PrepSettings())
    assert make_plan(raw, PrepSettings(), ["train"]).samples() == 15


def test_a_ground_truth_of_another_length_is_refused(official):
    (official / ARCHIVE).write_bytes(devkit_archive(tree(val=5)))
    raw = open_as("ilsvrc2012", official)
    assert make_plan(raw, PrepSettings(), ["train"]).samples() == 15
    with pytest.raises(RawError, match=r"holds 4 images, from .*_00000001.JPEG, but .* 5 lines"):
        make_plan(raw, PrepSettings())


def test_a_cut_train_archive_names_its_last_whole_class_and_val_can_be_used(official):
    data = (official / TRAIN).read_bytes()
    (official / TRAIN).write_bytes(data[: len(data) * 2 // 3])
    raw = open_as("ilsvrc2012", official)
    assert make_plan(raw, PrepSettings(), ["val"]).samples() == 4
    with pytest.raises(
        RawError, match=rf"{TRAIN}: cut short .* last whole member is n0000000.\.tar"
    ):
        make_plan(raw, PrepSettings())


def test_an_inner_archive_without_end_mark_is_read_whole(tmp_path, official):
    # Its length stands in the outer archive, so its end is no guess.
    inner = tar_bytes({"n01_1.JPEG": b"x" * 512, "n01_2.JPEG": b"y" * 512})
    (official / TRAIN).write_bytes(tar_bytes({"n01.tar": inner[: 4 * 512]}))
    assert [s.size for s in open_as("ilsvrc2012", official).splits["train"]] == [512, 512]


def test_an_empty_class_archive_is_told(official):
    inner = tar_bytes({"n01_1.JPEG": b"x"})
    (official / TRAIN).write_bytes(tar_bytes({"n01.tar": inner, "n02.tar": tar_bytes({})}))
    assert open_as("ilsvrc2012", official).empty == ("train/n02",)


def test_a_train_archive_of_class_folders_is_not_the_official_one(official):
    (official / TRAIN).write_bytes(tar_bytes({"n01/n01_1.JPEG": b"x"}))
    with pytest.raises(RawError, match=r"expected one <wnid>\.tar .* found n01/n01_1\.JPEG"):
        make_plan(open_as("ilsvrc2012", official), PrepSettings())
    (official / TRAIN).write_bytes(tar_bytes({"n01.tar": tar_bytes({})}))
    with pytest.raises(RawError, match="its 1 archives hold no file"):
        make_plan(open_as("ilsvrc2012", official), PrepSettings())


def test_files_of_macos_in_the_archives_are_passed_over(official):
    inner = tar_bytes({"._n01_1.JPEG": b"x", "n01_1.JPEG": b"image"})
    (official / TRAIN).write_bytes(tar_bytes({"._n01.tar": b"junk", "n01.tar": inner}))
    assert [read_source(s) for s in open_as("ilsvrc2012", official).splits["train"]] == [b"image"]


def test_an_archive_made_with_a_leading_dot_is_read(official):
    inner = tar_bytes({"./n01_1.JPEG": b"image"})
    (official / TRAIN).write_bytes(tar_bytes({"./n01.tar": inner}))
    assert [s.name for s in open_as("ilsvrc2012", official).splits["train"]] == [
        "train/n01/n01_1.JPEG"
    ]


def test_a_class_listed_twice_is_refused(official):
    inner = tar_bytes({"n01_1.JPEG": b"x"})
    (official / TRAIN).write_bytes(tar_bytes({"n01.tar": inner, "./n01.tar": inner}))
    with pytest.raises(RawError, match=r"holds train/n01/n01_1\.JPEG twice"):
        make_plan(open_as("ilsvrc2012", official), PrepSettings())


def test_real_images_with_the_true_devkit_get_their_own_classes(tmp_path, shared_data):
    originals = open_as("tar", shared_data / "imagenet-originals.tar").splits["train"][::40]
    devkit = find_devkit(shared_data)
    names = [f"ILSVRC2012_val_{i:08d}.JPEG" for i in range(1, len(originals) + 1)]
    images = dict(zip(names, map(read_source, originals), strict=True))
    numbers = [devkit.classes[source.class_name].number for source in originals]
    meta = (shared_data / FOLDER / "data" / "meta.mat").read_bytes()
    truth = "".join(f"{number}\n" for number in numbers).encode()
    write_folders(tmp_path / FOLDER / "data", {"meta.mat": meta, GROUND_TRUTH: truth})
    (tmp_path / VAL).write_bytes(tar_bytes(dict(reversed(images.items()))))
    raw = open_as("ilsvrc2012", tmp_path)
    expected = [(o.class_name, name) for o, name in zip(originals, names, strict=True)]
    assert [(s.class_name, s.name.rpartition("/")[2]) for s in raw.splits["val"]] == sorted(
        expected
    )
    assert raw.words["n01491361"] == "tiger shark, Galeocerdo cuvieri"
