"""What became of files: lines, counts, the exit code, the same bytes for any order."""

import csv
import io
import json

import pytest

from alexprep.errors import ShardError
from alexprep.raw.containers import Folder
from alexprep.raw.source import Source
from alexprep.records.report import CONVERTED, REPAIRED, SKIPPED, Outcome, Report, outcomes_of


def source(name="train/a/1.JPEG"):
    return Source("a", name, 7, Folder("/raw"))


def line(file="train/a/1.JPEG", done=CONVERTED, what="grayscale"):
    return Outcome(file, "train", done, what, 7, "ab" * 32)


BAD = line("train/a/2.JPEG", SKIPPED, "not an image (text)")


def test_notes_become_one_line_of_each_kind():
    notes = ("converted: PNG", "repaired: corrupt EXIF", "converted: palette")
    found = outcomes_of(source(), "train", notes, "ab" * 32)
    assert [(row.done, row.what) for row in found] == [
        (REPAIRED, "corrupt EXIF"),
        (CONVERTED, "PNG, palette"),
    ]
    assert found[0][:2] == ("train/a/1.JPEG", "train")
    assert found[0].size == 7
    assert outcomes_of(source(), "train", (), "") == ()


@pytest.mark.parametrize("name", ["train/a/1.png", "train/a/1.PNG"])
def test_a_format_that_the_name_announces_is_no_line(name):
    assert outcomes_of(source(name), "train", ("converted: PNG",), "") == ()
    found = outcomes_of(source(name), "train", ("converted: PNG", "converted: palette"), "")
    assert [row.what for row in found] == ["palette"]
    assert outcomes_of(source(name), "train", ("converted: GIF",), "") != ()


def test_a_skipped_file_makes_the_exit_code_3():
    assert Report.gather([], 5).exit_code == 0
    assert Report.gather([line(), line(done=REPAIRED)], 5).exit_code == 0
    assert Report.gather([line(), BAD], 5).exit_code == 3


def test_any_order_of_lines_gives_the_same_bytes():
    lines = [line(), BAD, line("train/b/1.JPEG"), line(done=REPAIRED, what="corrupt EXIF")]
    one, other = Report.gather(lines, 9), Report.gather(reversed(lines), 9)
    assert one.csv_bytes() == other.csv_bytes()
    assert one.json_bytes() == other.json_bytes()
    assert one.table() == other.table()


def test_csv_and_json_say_the_same():
    report = Report.gather([line(file='train/a/"x,\\xff".JPEG'), BAD], 9)
    rows = list(csv.DictReader(io.StringIO(report.csv_bytes().decode())))
    content = json.loads(report.json_bytes())
    assert [{**row, "size": int(row["size"])} for row in rows] == content["files"]
    assert content["counts"] == {"skipped": 1, "repaired": 0, "converted": 1}
    assert content["images"] == 9


def test_the_table_has_a_row_for_each_kind_with_some_of_its_files():
    lines = [line(f"train/a/{i}.JPEG") for i in range(5)]
    rare = line("train/b/1.JPEG", what="CMYK")
    assert Report.gather([rare, *lines, BAD], 9).table() == [
        (SKIPPED, "not an image (text)", 1, "train/a/2.JPEG"),
        (CONVERTED, "grayscale", 5, "train/a/0.JPEG, train/a/1.JPEG, train/a/2.JPEG and 2 more"),
        (CONVERTED, "CMYK", 1, "train/b/1.JPEG"),
    ]


def test_a_report_is_read_back_as_it_was(tmp_path):
    report = Report.gather([line(), BAD], 9)
    report.save(tmp_path)
    assert Report.load(tmp_path) == report
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.csv", "report.json"]


@pytest.mark.parametrize("content", [None, b"{", b"{}", b'{"files": [{"x": 1}], "images": 1}'])
def test_a_lost_or_damaged_report_is_named(tmp_path, content):
    if content is not None:
        (tmp_path / "report.json").write_bytes(content)
    with pytest.raises(ShardError, match=r"report\.json: is missing or damaged"):
        Report.load(tmp_path)


@pytest.mark.parametrize("field", [*Outcome._fields, "images"])
@pytest.mark.parametrize("value", [None, 1.5, [1], True, "\ud800"], ids=repr)
def test_a_field_of_the_wrong_kind_is_named(tmp_path, field, value):
    Report.gather([line(), BAD], 9).save(tmp_path)
    content = json.loads((tmp_path / "report.json").read_bytes())
    (content if field == "images" else content["files"][0])[field] = value
    (tmp_path / "report.json").write_text(json.dumps(content))
    with pytest.raises(ShardError, match=r"report\.json: is missing or damaged"):
        Report.load(tmp_path)
