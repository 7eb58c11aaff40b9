"""Parquet files as other tools write them: odd notes, types, names, and one row group of all."""

import json
import tracemalloc

import pytest

from alexprep.errors import RawError
from alexprep.raw import parquet_rows
from alexprep.raw.detect import open_raw
from alexprep.raw.source import read_source
from tests.alexprep.parquetsets import IMAGE, pa, pq

DATA = [b"\xff\xd8\xff1", b"\xff\xd8\xff2"]
IMAGES = pa.array([{"bytes": data, "path": f"{i}.jpg"} for i, data in enumerate(DATA)], IMAGE)
BROKEN = pa.array([b"\xff1", b"\xfe2"]).view(pa.string())


def noted(**features):
    return json.dumps({"info": {"features": features}})


def listed(path, columns, note="{}"):
    pq.write_table(pa.table(columns).replace_schema_metadata({"huggingface": note}), path)
    sources = open_raw(path).splits["train"]
    return [(source.class_name, read_source(source)) for source in sources]


@pytest.mark.parametrize(
    "note",
    [
        noted(label={"_type": "ClassLabel", "names": 5}),
        noted(label={"_type": "ClassLabel", "names": None}),
        noted(label={"_type": "Image"}, gone={"_type": "Image"}),
        "[" * 100_000,
        "[1]",
    ],
    ids=["number", "null", "not an image", "deep", "list"],
)
def test_notes_that_say_nothing_are_passed_over(tmp_path, note):
    found = listed(tmp_path / "x.parquet", {"image": IMAGES, "label": [0, 1]}, note)
    assert found == [("0", DATA[0]), ("1", DATA[1])]


@pytest.mark.parametrize(
    ("image", "label"),
    [
        ("image", pa.array(["a", "b"]).dictionary_encode()),  # a category of pandas
        ("image", pa.array(["a", "b"], pa.large_string())),
        ("an.image", pa.array(["a", "b"])),
        ("bytes", pa.array(["a", "b"])),
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_types_and_names_of_columns(tmp_path, image, label, nested):
    images = IMAGES if nested else pa.array(DATA, pa.large_binary())
    found = listed(tmp_path / "x.parquet", {image: images, "label": label})
    assert found == [("a", DATA[0]), ("b", DATA[1])]


def test_a_path_that_is_no_text_is_not_used(tmp_path):
    images = pa.array([{"bytes": data, "path": 7} for data in DATA])
    assert listed(tmp_path / "x.parquet", {"image": images, "label": [0, 0]}) == [
        ("0", data) for data in DATA
    ]


def test_two_columns_of_one_name_are_refused(tmp_path):
    label = pa.array([0, 1])
    table = pa.Table.from_arrays([IMAGES, label, label], names=["image", "label", "label"])
    pq.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(RawError, match="has several columns label; its columns are image, label"):
        open_raw(tmp_path)


@pytest.mark.parametrize(
    "columns",
    [
        {"image": DATA, "label": BROKEN},
        {"image": pa.StructArray.from_arrays([pa.array(DATA), BROKEN], ["bytes", "path"])},
    ],
    ids=["label", "path"],
)
def test_texts_that_are_none_are_named(tmp_path, columns):
    pq.write_table(pa.table({"label": [0, 1], **columns}), tmp_path / "x.parquet")
    with pytest.raises(RawError, match=r"x\.parquet: holds a text that is not UTF-8; download"):
        open_raw(tmp_path)


def test_a_look_into_one_large_row_group_does_not_read_it_whole(tmp_path):
    images = [bytes([number % 256]) * 20_000 for number in range(600)]
    pq.write_table(pa.table({"image": images, "label": [0] * 600}), tmp_path / "x.parquet")
    sources = {source.place: source for source in open_raw(tmp_path).splits["train"]}
    tracemalloc.start()
    assert [read_source(sources[n]) for n in (0, 63, 64, 599)] == [
        images[n] for n in (0, 63, 64, 599)
    ]
    assert tracemalloc.get_traced_memory()[1] < 3e6
    tracemalloc.stop()


def test_a_file_that_was_replaced_meanwhile_is_named(tmp_path):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"image": DATA, "label": [0, 1]}), path)
    sources = open_raw(path).splits["train"]
    for columns in ({"image": DATA[:1]}, {"other": DATA}):
        pq.write_table(pa.table(columns), path)
        parquet_rows._batch.cache_clear()
        with pytest.raises(RawError, match=r"x\.parquet: changed since it was listed; run the"):
            read_source(sources[1])
