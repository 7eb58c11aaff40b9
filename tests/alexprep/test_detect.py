import pytest

from alexprep.errors import RawError
from alexprep.raw.detect import open_raw
from alexprep.raw.source import read_source
from tests.alexprep.rawsets import (
    IDS,
    WORDS,
    devkit_archive,
    train_archive,
    tree,
    write_folders,
    write_official,
    write_tar,
)


@pytest.fixture
def every_layout(tmp_path):
    """The same images as folders, tar, folder with one tar, and official archives."""
    files = tree()
    packed = tmp_path / "packed"
    packed.mkdir()
    return {
        "folders": write_folders(tmp_path / "folders", files),
        "a tar": write_tar(tmp_path / "raw.tar", files, "./"),
        "a folder with a tar": write_tar(packed / "raw.tar", files, "top/").parent,
        "official archives": write_official(tmp_path / "official", files),
    }


def test_the_same_images_are_the_same_sources_in_every_layout(every_layout):
    listed = {
        name: [
            (split, s.class_name, s.name, s.size, read_source(s))
            for split, sources in open_raw(root).splits.items()
            for s in sources
        ]
        for name, root in every_layout.items()
    }
    assert len(listed["folders"]) == 19
    assert all(sources == listed["folders"] for sources in listed.values())
    layouts = [open_raw(root).layout for root in every_layout.values()]
    assert layouts == ["imagefolder", "tar", "tar", "ilsvrc2012"]


def test_words_are_found_where_a_devkit_lies_in_the_raw_folder(every_layout):
    for name in ("folders", "a folder with a tar"):
        root = every_layout[name]
        assert open_raw(root).words == {}
        (root / "ILSVRC2012_devkit_t12.tar.gz").write_bytes(devkit_archive(tree()))
        raw = open_raw(root)
        assert (raw.words, raw.devkit_ids) == (WORDS, IDS)
        assert not any("not read" in line for line in raw.found)


def test_what_lies_beside_a_tar_belongs_to_nobody(every_layout, tmp_path):
    # Else the words, and with them the manifest, would depend on the path.
    (tmp_path / "ILSVRC2012_devkit_t12.tar.gz").write_bytes(devkit_archive(tree()))
    assert open_raw(every_layout["a tar"]).words == {}


def test_class_folders_win_over_archives_and_what_is_not_read_is_told(tmp_path):
    files = {name: data for name, data in tree().items() if "train" in name}
    write_official(tmp_path, tree())
    raw = open_raw(write_folders(tmp_path, files | {"test/1.jpg": b"t"}))
    assert (raw.layout, list(raw.splits)) == ("imagefolder", ["train"])
    assert raw.found[1:] == [
        "test: 1 file beside the class folders not read (1.jpg): nothing says what they show",
        "not read: ILSVRC2012_img_train.tar, ILSVRC2012_img_val.tar",
    ]


def test_what_is_missing_is_told_with_what_is_there(tmp_path):
    write_folders(tmp_path, {"imagenet/train/a/1.jpg": b"1"})
    with pytest.raises(
        RawError, match=rf"image-net/raw: does not exist; {tmp_path} holds imagenet;"
    ):
        open_raw(tmp_path / "image-net" / "raw")


def test_an_empty_folder_is_told_what_belongs_into_it(tmp_path):
    (tmp_path / ".DS_Store").write_bytes(b"")
    with pytest.raises(RawError, match=r"the folder is empty; a raw set is a folder with train/<c"):
        open_raw(tmp_path)


@pytest.mark.parametrize("given", ["train", "val", "train/n00000001"])
def test_too_deep_names_the_folder_above(tmp_path, given):
    write_folders(tmp_path / "raw", tree())
    with pytest.raises(RawError, match=rf"{given}: .*; {tmp_path}/raw looks right"):
        open_raw(tmp_path / "raw" / given)


@pytest.mark.parametrize("right", ["x", "x/y", "a/b/c"])
def test_too_high_names_the_folder_below(tmp_path, right):
    write_folders(tmp_path / right, tree())
    with pytest.raises(RawError, match=f"no train or val folder in it; {tmp_path}/{right} looks"):
        open_raw(tmp_path)


def test_too_high_names_a_folder_with_official_archives_too(tmp_path):
    write_official(tmp_path / "downloads", tree())
    with pytest.raises(RawError, match=f"{tmp_path}/downloads looks right"):
        open_raw(tmp_path)


def test_an_official_archive_alone_names_its_folder(tmp_path):
    root = write_official(tmp_path / "official", tree())
    with pytest.raises(RawError, match=rf"ILSVRC2012_img_val\.tar: .*; give the folder: {root}$"):
        open_raw(root / "ILSVRC2012_img_val.tar")


def test_class_folders_without_split_are_named(tmp_path):
    write_folders(tmp_path, {"n01/1.jpg": b"", "n02/1.jpg": b""})
    with pytest.raises(
        RawError, match=r"if its folders \(n01, n02\) are classes, say so with --layout"
    ):
        open_raw(tmp_path)


def test_several_archives_leave_the_choice_to_the_user(tmp_path):
    write_tar(tmp_path / "a.tar", tree())
    write_tar(tmp_path / "b.tar", tree())
    with pytest.raises(RawError, match=r"several archives \(a\.tar, b\.tar\); give the one"):
        open_raw(tmp_path)


def test_unpacked_members_of_the_train_archive_are_recognised(tmp_path):
    write_folders(tmp_path, {"n01440764.tar": b"", "n01443537.tar": b""})
    with pytest.raises(RawError, match=r"n01443537\.tar, which are members of ILSVRC2012_img_tr"):
        open_raw(tmp_path)


def test_an_unknown_layout_is_told_with_what_it_holds(tmp_path):
    write_folders(tmp_path, {"part/deeper/x.bin": b"", "README.md": b""})
    with pytest.raises(
        RawError, match=r"holds README\.md, part/, which is no layout .*; a raw set"
    ):
        open_raw(tmp_path)


def test_a_file_that_is_no_tar_and_a_renamed_official_archive_are_refused(tmp_path):
    (tmp_path / "raw").write_bytes(b"\x1f\x8b" + bytes(600))
    with pytest.raises(RawError, match=r"raw: compressed with gzip, which cannot be read in place"):
        open_raw(tmp_path / "raw")
    (tmp_path / "mine.tar").write_bytes(train_archive(tree()))
    with pytest.raises(RawError, match="give the folder that holds it under that name"):
        open_raw(tmp_path / "mine.tar")
