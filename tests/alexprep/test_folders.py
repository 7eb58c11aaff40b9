import errno
import os

import pytest

from alexprep.errors import ImageError, RawError
from alexprep.raw import classfolders, place
from alexprep.raw.containers import Folder
from alexprep.raw.source import MAX_BYTES, Source, read_source, shown
from tests.alexprep.rawsets import open_as, tree, write_folders


def names(raw, split="train"):
    return [source.name for source in raw.splits[split]]


def test_every_file_is_listed_in_order_of_its_name_and_read_back(tmp_path):
    files = tree()
    raw = open_as("imagefolder", write_folders(tmp_path, files))
    listed = [source for sources in raw.splits.values() for source in sources]
    assert [source.name for source in listed] == sorted(files)
    assert {source.name: read_source(source) for source in listed} == files
    assert [source.size for source in listed] == [len(files[name]) for name in sorted(files)]
    assert {source.class_name for source in listed} == {"n00000001", "n00000002", "n00000003"}
    assert raw.found == ["train: 15 files of 3 classes", "val: 4 files of 3 classes"]


def test_folders_inside_a_class_belong_to_the_class(tmp_path):
    raw = open_as(
        "imagefolder", write_folders(tmp_path, {"train/a/x/y/1.jpg": b"1", "train/a/2.jpg": b"2"})
    )
    assert names(raw) == ["train/a/2.jpg", "train/a/x/y/1.jpg"]
    assert {source.class_name for source in raw.splits["train"]} == {"a"}


def test_what_systems_leave_behind_is_passed_over_and_all_else_is_listed(tmp_path):
    left = ["._1.jpg", ".DS_Store", "Thumbs.db", "desktop.ini", ".ipynb_checkpoints/1.jpg"]
    files = {f"train/a/{name}": b"x" for name in [*left, "1.jpg", "notes.txt", "no-extension"]}
    raw = open_as("imagefolder", write_folders(tmp_path, files | {"train/.hidden/1.jpg": b"x"}))
    assert names(raw) == ["train/a/1.jpg", "train/a/no-extension", "train/a/notes.txt"]


def test_links_to_files_and_folders_are_followed(tmp_path):
    write_folders(tmp_path / "elsewhere", {"cats/1.jpg": b"cat", "dog.jpg": b"dog!"})
    raw = tmp_path / "raw"
    (raw / "train" / "dog").mkdir(parents=True)
    (raw / "train" / "cat").symlink_to(tmp_path / "elsewhere" / "cats")
    (raw / "train" / "dog" / "1.jpg").symlink_to(tmp_path / "elsewhere" / "dog.jpg")
    sources = open_as("imagefolder", raw).splits["train"]
    assert [(s.name, s.size, read_source(s)) for s in sources] == [
        ("train/cat/1.jpg", 3, b"cat"),
        ("train/dog/1.jpg", 4, b"dog!"),
    ]


def test_links_in_a_circle_and_links_to_nothing_are_bad_files(tmp_path):
    write_folders(tmp_path, {"train/a/x/1.jpg": b"1"})
    inside = tmp_path / "train" / "a" / "x"
    (inside / "again").symlink_to(tmp_path / "train" / "a")
    (inside / "gone").symlink_to(tmp_path / "nowhere")
    (inside / "self").symlink_to(inside / "self")
    os.mkfifo(inside / "pipe")
    reasons = {}
    for source in open_as("imagefolder", tmp_path).splits["train"]:
        try:
            read_source(source)
        except ImageError as error:
            reasons[source.name.removeprefix("train/a/x/")] = str(error)
    assert reasons == {
        "again/.": "a link to a folder around it",
        "gone": "a link to nothing",
        "self": "cannot be read: Too many levels of symbolic links",
        "pipe": "neither a file nor a folder",
    }


def test_a_folder_that_may_not_be_entered_is_a_bad_file_and_its_class_stays(tmp_path, monkeypatch):
    write_folders(tmp_path, {"train/a/1.jpg": b"1", "train/b/1.jpg": b"1", "train/b/x/2.jpg": b"2"})
    closed = {str(tmp_path / "train/a"), str(tmp_path / "train/b/x")}
    scandir = os.scandir

    def refuse(path):
        if str(path) in closed:
            raise PermissionError(errno.EACCES, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(classfolders.os, "scandir", refuse)
    listed = open_as("imagefolder", tmp_path).splits["train"]
    assert [source.name for source in listed] == ["train/a/.", "train/b/1.jpg", "train/b/x/."]
    for source in listed[::2]:
        with pytest.raises(ImageError, match=r"^folder cannot be read: Permission denied$"):
            read_source(source)


def test_links_in_a_circle_beside_folders_are_passed_over_and_named(tmp_path):
    write_folders(tmp_path, {"train/a/1.jpg": b"1"})
    for link in (tmp_path / "round", tmp_path / "train" / "round"):
        link.symlink_to(link)
    raw = open_as("imagefolder", tmp_path)
    assert raw.found == [
        "train: 1 file of 1 class",
        "train: 1 file beside the class folders not read (round)",
        "not read: round",
    ]


def test_a_val_split_alone_is_a_raw_set(tmp_path):
    raw = open_as("imagefolder", write_folders(tmp_path, {"val/a/1.jpg": b"1"}))
    assert list(raw.splits) == ["val"]


def test_empty_classes_and_files_beside_the_classes_are_told(tmp_path):
    write_folders(tmp_path, {"train/a/1.jpg": b"1", "val/2.jpg": b"2", "val/1.jpg": b"1"})
    (tmp_path / "train" / "b" / "inside").mkdir(parents=True)
    raw = open_as("imagefolder", tmp_path)
    assert raw.empty == ("train/b",)
    assert list(raw.splits) == ["train"]
    assert raw.found == ["train: 1 file of 1 class"]
    assert "holds 2 files and no class folder" in raw.unusable["val"]


def test_folders_without_any_file_are_refused(tmp_path):
    (tmp_path / "train" / "a").mkdir(parents=True)
    with pytest.raises(RawError, match=r"no class folder with a file in it .* expected train/<cl"):
        open_as("imagefolder", tmp_path)


def test_names_that_are_no_utf8_are_read_and_can_be_shown(tmp_path):
    folder = tmp_path / "train" / "a"
    folder.mkdir(parents=True)
    (folder / os.fsdecode(b"caf\xe9.jpg")).write_bytes(b"data")
    (source,) = open_as("imagefolder", tmp_path).splits["train"]
    assert read_source(source) == b"data"
    assert shown(source.name) == r"train/a/caf\xe9.jpg"


@pytest.mark.parametrize("now", [b"", b"12", b"123456"])
def test_a_file_that_changed_since_it_was_listed_is_refused(tmp_path, now):
    write_folders(tmp_path, {"train/a/1.jpg": b"1234"})
    (source,) = open_as("imagefolder", tmp_path).splits["train"]
    (tmp_path / source.name).write_bytes(now)
    with pytest.raises(RawError, match=r"train/a/1\.jpg gives . bytes where 4 were listed"):
        read_source(source)
    (tmp_path / source.name).unlink()
    with pytest.raises(RawError, match=r"1\.jpg: No such file .* it was there when"):
        read_source(source)


def test_one_file_that_the_disk_or_its_owner_denies_is_one_bad_image(tmp_path, monkeypatch):
    source = Source("a", "train/a/1.jpg", 4, Folder(str(tmp_path)))
    for number in (errno.EACCES, errno.EIO):

        def refuse(*args, number=number):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(place.os, "open", refuse)
        with pytest.raises(ImageError, match=f"^cannot be read: {os.strerror(number)}$"):
            read_source(source)


def test_a_film_among_the_images_is_not_read_into_memory(tmp_path):
    with pytest.raises(ImageError, match="more than any image has"):
        read_source(Source("a", "train/a/film.mp4", MAX_BYTES + 1, Folder(str(tmp_path))))
