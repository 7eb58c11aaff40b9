"""Columns of Parquet files: what is understood, and what is said of the others and of damage."""

import pytest

from alexprep.building.build import build
from alexprep.errors import ImageError, RawError
from alexprep.planning.plan import make_plan
from alexprep.raw import parquet_file
from alexprep.raw.detect import open_raw
from alexprep.raw.source import read_source
from tests.alexprep.parquetsets import pa, pq, write
from tests.alexprep.pictures import jpeg
from tests.alexprep.rawsets import open_as
from tests.alexprep.sets import SETTINGS


def test_labels_without_a_class_in_the_path_take_the_names_of_the_schema(tmp_path):
    images = [jpeg(30, 30, seed=i) for i in range(6)]
    labels = [1, 0, 2, 1, -1, None]
    write(tmp_path / "test-00000.parquet", images, [None] * 6, labels, names=["b", "a", "c"])
    raw = open_raw(tmp_path)
    assert [(s.class_name, s.name, images.index(read_source(s))) for s in raw.splits["test"]] == [
        ("a", "test/a/test-0.jpg", 0),
        ("a", "test/a/test-3.jpg", 3),
        ("b", "test/b/test-1.jpg", 1),
        ("c", "test/c/test-2.jpg", 2),
    ]
    assert raw.own_order == ("b", "a", "c")
    assert "test: 2 images without a label not read" in raw.found


def test_names_that_cannot_be_folders_become_words(tmp_path):
    images = [jpeg(30, 30, seed=i) for i in range(2)]
    names = ["T-shirt/top", *map(str, range(1, 11))]
    write(tmp_path / "train.parquet", images, ["x.jpg", "x.jpg"], [0, 10], names=names)
    raw = open_raw(tmp_path / "train.parquet")
    assert [source.name for source in raw.splits["train"]] == ["train/00/x.jpg", "train/10/x.jpg"]
    assert raw.words == {"00": "T-shirt/top", "10": "10"}


def test_a_plain_binary_column_and_labels_as_texts_are_understood(tmp_path):
    table = pa.table({"jpg": [b"\x89PNG1", b"2"], "class": ["dog", "cat"], "id": [1, 2]})
    pq.write_table(table, tmp_path / "x.parquet")
    sources = open_raw(tmp_path).splits["train"]
    assert [(s.name, read_source(s)) for s in sources] == [
        ("train/cat/train-1.png", b"2"),
        ("train/dog/train-0.png", b"\x89PNG1"),
    ]


def test_the_column_of_the_labels_can_be_named(tmp_path):
    images = [jpeg(30, 30), jpeg(30, 31)]
    coarse = pa.array([1, 1])
    path = write(tmp_path / "x.parquet", images, [None] * 2, [0, 1], group=1, coarse=coarse)
    sources = open_raw(path, "parquet:coarse").splits["train"]
    assert {source.class_name for source in sources} == {"1"}
    with pytest.raises(RawError, match=r"has no column fine; its columns are image, label, coarse"):
        open_raw(path, "parquet:fine")


def test_an_empty_row_is_one_bad_file(tmp_path):
    write(tmp_path / "x.parquet", [None, jpeg(30, 30)], ["a.jpg", "b.jpg"], [0, 0])
    source = open_raw(tmp_path).splits["train"][0]
    with pytest.raises(ImageError, match="empty row"):
        read_source(source)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"label": [1]}, "has no column of images; its columns are label"),
        ({"a": [b"x"], "b": [b"x"], "label": [1]}, r"has several columns of images \(a, b\)"),
        ({"image": [b"x"]}, r"no column of labels is known in it; name it: --layout parquet:CO"),
        ({"image": [b"x"], "label": [1.5]}, "no column of labels is known"),
        ({"image": [b"x"], "label": [-7]}, "column label holds -7; expected numbers from 0 on"),
        ({"image": [b"x"], "label": ["a/b"]}, "a label is 'a/b', which cannot be the name of a"),
        ({"image": [b"x"], "label": [-1]}, "no row has a label"),
    ],
)
def test_missing_columns_and_strange_labels_are_named(tmp_path, columns, reason):
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    with pytest.raises(RawError, match=reason):
        open_raw(tmp_path)


def test_a_label_beyond_the_class_names_is_refused(tmp_path):
    write(tmp_path / "x.parquet", [b"x"], [None], [3])
    with pytest.raises(RawError, match="column label holds 3; expected numbers from 0 to 2"):
        open_raw(tmp_path)


def test_one_label_with_two_wnids_is_damage(tmp_path):
    paths = ["n00000001_1_n00000001.JPEG", "n00000002_1_n00000002.JPEG"]
    write(tmp_path / "x.parquet", [b"x", b"y"], paths, [0, 0])
    with pytest.raises(RawError, match="label 0 is n00000001 in one row and n00000002 in another"):
        open_raw(tmp_path)


@pytest.mark.parametrize("cut", [1, 8, 600])
def test_a_cut_file_is_refused(tmp_path, cut):
    path = write(tmp_path / "x.parquet", [jpeg(60, 60)], [None], [0])
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(RawError, match=r"x\.parquet: no whole Parquet file .*download or copy it"):
        open_raw(tmp_path)


def test_damage_inside_is_told_when_it_is_read(tmp_path):
    path = write(tmp_path / "x.parquet", [jpeg(60, 60)], ["a.jpg"], [0])
    raw = open_raw(tmp_path)
    data = bytearray(path.read_bytes())
    data[4:60] = bytes(56)
    path.write_bytes(data)
    with pytest.raises(RawError, match=r"x\.parquet: no whole Parquet file"):
        build(make_plan(raw, SETTINGS), tmp_path / "shards", 1)
    assert not list((tmp_path / "shards").glob("*.tar"))


def test_several_sets_in_one_folder_are_not_mixed(tmp_path):
    write(tmp_path / "plain" / "train.parquet", [b"x"], [None], [0])
    write(tmp_path / "fancy" / "train.parquet", [b"x"], [None], [0])
    with pytest.raises(RawError, match=r"several folders \(fancy, plain\); give one of them"):
        open_as("parquet", tmp_path)


def test_other_columns_in_a_later_file_are_refused(tmp_path):
    write(tmp_path / "train-0.parquet", [b"x"], [None], [0])
    write(tmp_path / "train-1.parquet", [b"x"], [None], [0], names=["other"])
    with pytest.raises(RawError, match=r"train-1\.parquet: has other columns or class names"):
        open_raw(tmp_path)


def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch):
    write(tmp_path / "x.parquet", [b"x"], [None], [0])
    monkeypatch.setattr(parquet_file, "find_spec", lambda name: None)
    with pytest.raises(RawError, match=r'pip install "alexkit\[parquet\]"'):
        open_raw(tmp_path)
