"""WebDataset tars that others made, as a raw set."""

import io
import json
import tarfile

import pytest

from alexprep.building.build import build
from alexprep.errors import RawError
from alexprep.planning.plan import make_plan
from alexprep.raw.detect import open_raw
from alexprep.raw.source import read_source
from tests.alexprep.pictures import jpeg
from tests.alexprep.rawsets import open_as, write_folders, write_tar
from tests.alexprep.sets import SETTINGS, contents, make_raw

WNIDS = ("n00000001", "n00000002", "n00000003")


def listed(raw):
    return {
        split: [(s.class_name, s.name, read_source(s)) for s in sources]
        for split, sources in raw.splits.items()
    }


def test_tars_with_wnids_in_the_keys_give_the_shards_of_the_folders(tmp_path):
    raw = make_raw(tmp_path / "raw")
    tars = {"x-train-0": {}, "x-train-1": {}, "x-validation-0": {}}
    for number, path in enumerate(sorted(raw.rglob("*.JPEG"), key=lambda p: p.name[::-1])):
        split, wnid = path.parts[-3:-1]
        key = path.stem if split == "val" else f"{wnid}_{path.stem}"
        tar = "x-validation-0" if split == "val" else f"x-train-{number % 2}"
        tars[tar][f"{key}.jpg"] = path.read_bytes()
        tars[tar][f"{key}.cls"] = b"%d" % WNIDS.index(wnid)
        tars[tar][f"{key}.json"] = b"{}"
        if split == "train":
            path.rename(path.with_name(f"{wnid}_{path.name}"))
    (tmp_path / "tars").mkdir()
    for name, files in tars.items():
        write_tar(tmp_path / "tars" / f"{name}.tar", files)
    found = open_raw(tmp_path / "tars")
    assert found.layout == "webdataset"
    assert found.found == ["train: 24 files of 3 classes", "val: 12 files of 3 classes"]
    made = {}
    for name in ("raw", "tars"):
        target = tmp_path / f"{name}-shards"
        build(make_plan(open_raw(tmp_path / name), SETTINGS), target, 1)
        made[name] = {path: h for path, h in contents(target).items() if "manifest" not in path}
    assert made["raw"] == made["tars"]


def test_our_own_shards_are_such_tars_and_give_back_the_classes(tmp_path):
    build(make_plan(open_raw(make_raw(tmp_path / "raw")), SETTINGS), tmp_path / "shards", 1)
    again = open_raw(tmp_path / "shards")
    assert again.layout == "webdataset"
    names = {source.name.rpartition(".")[0] for source in again.splits["train"]}
    originals = (tmp_path / "raw").glob("train/*/*.JPEG")
    assert names == {p.relative_to(tmp_path / "raw").with_suffix("").as_posix() for p in originals}


@pytest.mark.parametrize(
    ("extension", "labels", "classes"),
    [
        ("cls", (b"1", b" 10\n"), ["01", "10"]),
        ("cls.txt", (b"1", b"0"), ["0", "1"]),
        ("txt", ("Katze", "Bär".encode()), ["Bär", "Katze"]),
        ("json", ({"label": 3}, {"x": 1, "cls": 4}), ["3", "4"]),
        ("json", ({"label": "cat"}, {"class": "dog"}), ["cat", "dog"]),
        ("json", (7, 8), ["7", "8"]),
    ],
)
def test_labels_are_numbers_or_texts_of_any_of_these_kinds(tmp_path, extension, labels, classes):
    files = {}
    for key, label in zip("ab", labels, strict=True):
        files[f"{key}.PNG"] = key.encode()
        content = json.dumps(label) if extension == "json" else label
        files[f"{key}.{extension}"] = content.encode() if isinstance(content, str) else content
    raw = open_raw(write_tar(tmp_path / "some.tar", files))
    assert raw.layout == "webdataset"
    assert sorted({source.class_name for source in raw.splits["train"]}) == classes
    assert {read_source(source) for source in raw.splits["train"]} == {b"a", b"b"}


def test_keys_that_begin_anew_in_each_tar_are_told_apart_by_the_tar(tmp_path):
    for number in range(2):
        files = {"000.webp": b"%d" % number, "000.cls": b"5"}
        write_tar(tmp_path / f"train-{number}.tar", files)
    assert listed(open_raw(tmp_path)) == {
        "train": [
            ("5", "train/5/train-0/000.webp", b"0"),
            ("5", "train/5/train-1/000.webp", b"1"),
        ]
    }


def test_images_without_a_label_are_counted(tmp_path):
    files = {"a.jpg": b"", "a.cls": b"0", "b.jpg": b"", "c.jpg": b"", "c.cls": b"-1"}
    raw = open_raw(write_tar(tmp_path / "test-0.tar", files | {"notes.md": b""}))
    assert raw.found == ["test: 1 file of 1 class", "test: 2 images without a label not read"]


def test_class_folders_in_a_tar_stay_class_folders(tmp_path):
    files = {"train/a/1.jpg": b"", "train/a/1.txt": b"", "train/b/2.jpg": b""}
    assert open_raw(write_tar(tmp_path / "raw.tar", files)).layout == "tar"
    write_folders(tmp_path / "folders", files)
    assert open_raw(tmp_path / "folders").layout == "imagefolder"


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"a.jpg": b"", "b.cls": b"0"}, "no sample with an image .* and a label .* under one key"),
        (
            {"a.jpg": b"", "a.cls": b"0", "b.jpg": b"", "b.cls": b"x"},
            r"numbers \(0\), others texts",
        ),
        ({"a.jpg": b"", "a.cls": b"-3"}, "a label is -3; expected numbers from 0 on"),
        ({"a.jpg": b"", "a.cls": b"\xff"}, r"a\.cls cannot be read as text"),
        ({"a.jpg": b"", "a.json": b"{"}, r"a\.json cannot be read as text"),
        ({"a.jpg": b"", "a.json": b"[" * 100_000}, r"a\.json cannot be read as text"),
        ({"a.jpg": b"", "a.json": b'{"label": [1]}'}, r"a\.json holds no label"),
        ({"a.jpg": b"", "a.cls": b"../up"}, r"a label is '\.\./up', which cannot be the name of"),
        ({"a.jpg": b"", "a.cls": bytes(2_000_000)}, "has 2,000,000 bytes, more than a label has"),
    ],
)
def test_strange_labels_are_named(tmp_path, files, reason):
    with pytest.raises(RawError, match=reason):
        open_as("webdataset", write_tar(tmp_path / "some.tar", files))


def test_a_cut_tar_is_refused(tmp_path):
    files = {name: jpeg(30, 30) for name in ("a.jpg", "b.jpg")} | {"a.cls": b"0", "b.cls": b"1"}
    path = write_tar(tmp_path / "some.tar", dict(sorted(files.items())))
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(RawError, match=r"some\.tar: cut short at 3,000 bytes"):
        open_raw(path)


@pytest.mark.parametrize("twice", ["a.jpg", "a.cls"])
def test_two_samples_of_one_key_are_not_made_one(tmp_path, twice):
    members = [("a.jpg", b"1"), ("a.cls", b"0"), (twice, b"1"), ("b.jpg", b"2"), ("b.cls", b"1")]
    with tarfile.open(tmp_path / "train-0.tar", "w") as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    with pytest.raises(RawError, match=rf"train-0\.tar: holds {twice} twice, one after the other"):
        open_raw(tmp_path)


def test_a_label_that_is_half_a_sign_is_refused(tmp_path):
    files = {"a.jpg": b"1", "a.json": b'{"label": "\\ud800"}'}
    write_tar(tmp_path / "train-0.tar", files)
    with pytest.raises(RawError, match=r"a label is '\\\\ud800', which cannot be the name of a"):
        open_raw(tmp_path)
