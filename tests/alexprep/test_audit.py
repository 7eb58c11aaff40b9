"""`alexprep inspect`: what is missing in a raw set is said, and the status is 3."""

import hashlib
from collections import Counter

import pytest
from click.testing import CliRunner

from alexprep.cli import main
from alexprep.raw import audit
from alexprep.raw.devkit import FOLDER, find_devkit
from tests.alexprep.layoutsets import flat, write_devkit, write_flat_val, write_kaggle
from tests.alexprep.rawsets import tar_bytes, tree, write_folders, write_official

TRAIN = "ILSVRC2012_img_train.tar"
VAL = "ILSVRC2012_img_val.tar"


def inspect(*arguments, status):
    result = CliRunner().invoke(main, ["inspect", *map(str, arguments)])
    assert result.exit_code == status, result.output
    return result.output


def test_an_ordinary_set_is_described_and_the_next_command_is_named(tmp_path):
    root = write_folders(tmp_path, {"train/cat/1.jpg": b"1", "train/dog/1.jpg": b"2"})
    assert inspect(root, status=0).splitlines() == [
        f"{root}: imagefolder, a folder with train/<class>/<image> and val/<class>/<image>",
        "  train: 2 files of 2 classes",
        "To know:",
        "  train: 1 image a class",
        "  no val split: `alextrain fit --holdout 0.1` keeps a tenth of train to validate on",
        "Nothing is odd.",
        f"Next: alexprep shard {root} SHARDS",
    ]
    again = inspect(root, "--layout", "imagefolder", status=0)
    assert again.splitlines()[-1] == f"Next: alexprep shard {root} SHARDS --layout imagefolder"


def test_what_is_odd_in_any_set_is_named(tmp_path):
    root = write_folders(
        tmp_path, {"train/cat/1.jpg": b"1", "train/cat/2.jpg": b"", "val/x/1": b"1"}
    )
    (root / "train" / "dog").mkdir()
    (root / "train" / "cat" / "3.jpg").symlink_to(root / "nowhere")
    output = inspect(root, status=3)
    assert "  without a file: train/dog\n" in output
    assert "  train: cannot be read: train/cat/3.jpg\n" in output
    assert "  train: 1 with 0 bytes: train/cat/2.jpg\n" in output
    assert "  not in train: x\n" in output


def test_a_val_folder_without_ground_truth_is_named_and_train_is_offered(tmp_path):
    root = write_folders(tmp_path, flat(tree(), "val"))
    output = inspect(root, status=3)
    assert "holds 4 files and no class folder, and nothing says what they show" in output
    assert output.endswith(f"Next: alexprep shard {root} SHARDS --split train\n")


def test_classes_and_images_that_a_devkit_knows_are_missed(tmp_path):
    files = tree()
    files = {n: data for n, data in files.items() if not n.startswith("train/n00000003")}
    root = write_flat_val(tmp_path, files | {"train/n00000009/1.jpg": b"1"}, write_devkit)
    output = inspect(root, status=3)
    assert "Against ILSVRC2012:\n  train: 11 of 1,281,167 images, 3 of 1,000 classes" in output
    assert "train: without 1 class: n00000003 ox" in output
    assert "train: with 1 class: n00000009, which ILSVRC2012 does not have" in output
    assert "train: 5 of 732 to 1,300 images of n00000001 tench, Tinca tinca" in output
    assert "val: 2 of 50 images of n00000001 tench, Tinca tinca" in output


def test_kaggles_set_is_counted_without_a_devkit(tmp_path):
    output = inspect(write_kaggle(tmp_path, tree()), status=3)
    assert "train: 3 classes; ILSVRC2012 has 1,000" in output


def test_a_missing_split_of_the_official_archives_is_named(tmp_path):
    root = write_official(tmp_path, tree())
    (root / VAL).unlink()
    assert "val: missing; ILSVRC2012 has 50,000" in inspect(root, status=3)


@pytest.mark.parametrize("both", [False, True])
def test_what_is_left_beside_a_cut_archive_is_audited(tmp_path, both):
    root = write_official(tmp_path, tree())
    for name in (VAL, TRAIN) if both else (VAL,):
        (root / name).write_bytes((root / name).read_bytes()[:-9000])
    output = inspect(root, status=3)
    assert f"{root / VAL}: cut short" in output
    if both:
        assert f"{root / TRAIN}: cut short" in output
        assert "Next:" not in output
    else:
        assert "train: 15 of 1,281,167 images, 3 of 1,000 classes" in output
        assert output.endswith(f"Next: alexprep shard {root} SHARDS --split train\n")


@pytest.fixture(scope="module")
def whole(tmp_path_factory, shared_data):
    """A whole official ILSVRC2012 by its headers: true names of classes, true counts, no bytes."""
    root = tmp_path_factory.mktemp("whole")
    (root / FOLDER).symlink_to(shared_data / FOLDER)
    devkit = find_devkit(root)
    images = {f"ILSVRC2012_val_{i:08d}.JPEG": b"" for i in range(1, 50_001)}
    (root / VAL).write_bytes(tar_bytes(images))
    members = {
        f"{wnid}.tar": tar_bytes({f"{wnid}_{i}.JPEG": b"" for i in range(synset.num_train_images)})
        for wnid, synset in devkit.classes.items()
        if synset.number <= 40
    }
    (root / TRAIN).write_bytes(tar_bytes(members))
    return root, devkit


def test_the_true_counts_of_classes_and_of_val_are_compared(whole):
    root, devkit = whole
    output = inspect(root, status=3)
    there = [synset for synset in devkit.classes.values() if synset.number <= 40]
    count = sum(synset.num_train_images for synset in there)
    assert f"train: {count:,} of 1,281,167 images, 40 of 1,000 classes" in output
    assert "val: 50,000 of 50,000 images, 1,000 of 1,000 classes" in output
    assert "train: without 960 classes: " in output
    assert " images of n" not in output  # each class that is there is whole
    assert Counter(devkit.validation_wnids()).most_common()[-1][1] == 50


def test_a_class_that_is_one_image_short_is_named(whole, tmp_path):
    root, devkit = whole
    for name in (FOLDER, VAL):
        (tmp_path / name).symlink_to(root / name)
    members = {}
    for synset in list(devkit.classes.values())[:30]:
        count = synset.num_train_images - (synset.number == 7) - 3 * (synset.number == 9)
        images = {f"{synset.wnid}_{i}.JPEG": b"" for i in range(count)}
        members[f"{synset.wnid}.tar"] = tar_bytes(images)
    (tmp_path / TRAIN).write_bytes(tar_bytes(members))
    output = inspect(tmp_path, status=3)
    short = [line for line in output.splitlines() if " images of n" in line]
    by_number = {s.number: s for s in devkit.classes.values()}
    expected = []
    for number, lack in ((7, 1), (9, 3)):
        s = by_number[number]
        counts = f"{s.num_train_images - lack:,} of {s.num_train_images:,}"
        expected.append(f"  train: {counts} images of {s.wnid} {s.words}")
    assert sorted(short) == sorted(expected)


def test_the_official_numbers_add_up(whole):
    _, devkit = whole
    assert sum(s.num_train_images for s in devkit.classes.values()) == 1_281_167
    counts = [synset.num_train_images for synset in devkit.classes.values()]
    assert (min(counts), max(counts)) == (732, 1300)


def test_a_whole_set_is_whole(monkeypatch, tmp_path):
    # ImageNet itself is not here: the small set's own numbers in place of the official ones.
    root = write_official(tmp_path, tree(train=2, val=6))
    official = audit.RELEASES[0]._replace(counts={"train": 6, "val": 6})
    monkeypatch.setattr(audit, "RELEASES", (official,))
    monkeypatch.setattr(audit, "_PER_CLASS", {"val": 2})
    monkeypatch.setattr(audit, "_TRAIN_RANGE", {"ILSVRC2012": (2, 2)})
    output = inspect(root, status=0)
    assert "  train: 6 of 6 images" in output
    assert "Nothing is missing." in output


def test_md5s_are_compared_on_request(tmp_path, monkeypatch):
    root = write_official(tmp_path, tree())
    data = (root / TRAIN).read_bytes()
    monkeypatch.setitem(audit.MD5, TRAIN, hashlib.md5(data).hexdigest())
    output = inspect(root, "--md5", status=3)
    assert "md5: 1 of 3 archives are the official ones" in output
    assert f"{VAL}: md5 is " in output
    assert "the official one is 29b22e2961454d5413ddabcf34fc5622; download it again" in output
    folders = write_folders(tmp_path / "folders", tree())
    assert "--md5: there is no official archive in it" in inspect(folders, "--md5", status=3)


def test_what_is_no_raw_set_is_an_error(tmp_path):
    (tmp_path / "empty").mkdir()
    assert "Error: " in inspect(tmp_path / "empty", status=1)
