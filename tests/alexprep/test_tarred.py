import pytest

from alexprep.errors import RawError
from alexprep.raw.source import read_source
from tests.alexprep.rawsets import (
    open_as,
    tar_bytes,
    train_archive,
    tree,
    write_folders,
    write_tar,
)


def listed(raw):
    return {
        split: [(s.class_name, s.name, s.size, read_source(s)) for s in sources]
        for split, sources in raw.splits.items()
    }


@pytest.mark.parametrize("prefix", ["", "./", "imagenet/", "./some set/", "/data/", "../raw/"])
def test_a_tar_gives_the_sources_of_the_folders_it_was_made_of(tmp_path, prefix):
    files = tree()
    folders = open_as("imagefolder", write_folders(tmp_path / "raw", files))
    assert listed(open_as("tar", write_tar(tmp_path / "raw.tar", files, prefix))) == listed(folders)


def test_class_names_are_shared_strings(tmp_path):
    sources = open_as("tar", write_tar(tmp_path / "raw.tar", tree())).splits["train"]
    assert len({id(source.class_name) for source in sources}) == 3
    assert len({id(source.container) for source in sources}) == 1


def test_what_is_not_read_is_told(tmp_path):
    files = {
        "set/train/a/1.jpg": b"1",
        "set/train/a/._1.jpg": b"x",
        "__MACOSX/set/train/a/2.jpg": b"x",
        "set/train/loose.jpg": b"1",
        "set/README": b"r",
        "other/deep/file": b"r",
    }
    raw = open_as("tar", write_tar(tmp_path / "raw.tar", files))
    assert [source.name for source in raw.splits["train"]] == ["train/a/1.jpg"]
    assert raw.found == [
        "train: 1 file of 1 class",
        "train: 1 file beside the class folders not read (loose.jpg)",
        "not read: other/deep/file, set/README",
    ]


def test_a_name_that_occurs_twice_is_refused(tmp_path):
    twice = tar_bytes({"train/a/1.jpg": b"old", "./train/a/1.jpg": b"new"})
    (tmp_path / "raw.tar").write_bytes(twice)
    with pytest.raises(RawError, match=r"raw\.tar: holds train/a/1\.jpg twice"):
        open_as("tar", tmp_path / "raw.tar")


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"one/train/a/1.jpg": b"", "two/val/a/1.jpg": b""}, r"more than one folder \(one, two\)"),
        ({"a/b/train/c/1.jpg": b""}, r"holds train or val too deep \(a/b/train/c/1\.jpg\)"),
        ({"n01/1.jpg": b"", "n02/2.jpg": b""}, r"holds n01/1\.jpg, n02/2\.jpg; expected train/<"),
        ({"train/1.jpg": b""}, r"holds 1\.jpg; expected train/<class>/<image>"),
        ({}, "holds no file; expected train/<class>/<image>"),
    ],
)
def test_other_contents_are_named(tmp_path, files, reason):
    with pytest.raises(RawError, match=reason):
        open_as("tar", write_tar(tmp_path / "raw.tar", files))


def test_a_renamed_official_archive_is_recognised(tmp_path):
    (tmp_path / "mine.tar").write_bytes(train_archive(tree()))
    with pytest.raises(RawError, match=r"holds archives .n00000001\.tar.* as ILSVRC2012_img_train"):
        open_as("tar", tmp_path / "mine.tar")


def test_real_images_are_read_in_place(shared_data):
    raw = open_as("tar", shared_data / "imagenet-originals.tar")
    assert raw.found == ["train: 220 files of 220 classes"]
    assert all(read_source(source)[:2] == b"\xff\xd8" for source in raw.splits["train"])
