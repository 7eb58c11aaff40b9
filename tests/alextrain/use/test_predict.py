"""`alextrain predict` and `alextrain.load`: answers, their order, their forms, bad files."""

import csv
import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from pyarrow import parquet

from alexprep.errors import ImageError
from alextrain.cli import main
from alextrain.use import predict as module
from alextrain.use.answers import text
from alextrain.use.pictures import Picture
from tests.alextrain.small_shards import encode, picture

COUNT = 9


@pytest.fixture
def folder(tmp_path):
    """Nine pictures, the fifth of which is text."""
    for i in range(COUNT):
        data = b"this is text" if i == 4 else encode(picture(i, 80 + i))
        (tmp_path / f"{i}.jpg").write_bytes(data)
    return tmp_path


def run(checkpoint, *arguments, **options):
    command = ["predict", checkpoint, "--device", "cpu", *arguments]
    return CliRunner().invoke(main, [str(argument) for argument in command], **options)


@pytest.mark.parametrize("threads", [1, 3])
def test_answers_come_in_order_whatever_batches_and_threads(predictor, monkeypatch, threads):
    datas = [encode(picture(i, 80)) for i in range(COUNT)]
    whole = predictor.predict(datas)
    monkeypatch.setattr(module, "BATCH", 2)
    pictures = [Picture(str(i), lambda data=data: data) for i, data in enumerate(datas)]
    answers = list(predictor.answer(pictures, threads=threads))
    assert [answer.picture for answer in answers] == [str(i) for i in range(COUNT)]
    for answer, guesses in zip(answers, whole, strict=True):
        assert [guess.name for guess in answer.guesses] == [guess.name for guess in guesses]
        ours = [guess.probability for guess in answer.guesses]
        assert ours == pytest.approx([guess.probability for guess in guesses], abs=1e-5)


def test_few_pictures_are_read_before_they_are_due(predictor, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 2)
    begun = []

    def endless():
        for i in range(10_000):
            begun.append(i)
            yield Picture(str(i), lambda: encode(picture(1, 20)))

    answers = predictor.answer(endless(), threads=1)
    next(answers)
    answers.close()
    assert len(begun) == 2  # on the CPU one batch at a time


def test_fewer_classes_than_guesses_and_fewer_guesses_than_classes(predictor):
    data = encode(picture(3, 90))
    [three] = predictor.predict(data, top=5)
    [two] = predictor.predict(data, top=2)
    assert len(three) == 3
    assert three[:2] == two
    assert sum(guess.probability for guess in three) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("views", [1, 5, 10])
def test_the_softmax_is_averaged_over_the_views(predictor, views):
    images = np.stack([picture(i, 72) for i in range(2)])
    seen = predictor.network.augmenter.views(torch.from_numpy(images), views)
    with torch.inference_mode():
        expected = sum(predictor.model(view).softmax(1) for view in seen) / views
    assert np.allclose(predictor.probabilities(images, views), expected.numpy(), atol=1e-6)


def test_paths_bytes_and_arrays_of_any_size_are_the_same_picture(predictor, tmp_path):
    levels = picture(2, 95)[:, :61]
    path = tmp_path / "x.png"
    path.write_bytes(encode(levels, "png"))
    given = [path, str(path), path.read_bytes(), levels]
    answers = predictor.predict(given) + predictor.predict(levels)
    # Of the same levels: but the place in a batch decides how sums are rounded.
    for answer in answers:
        assert [guess.name for guess in answer] == [guess.name for guess in answers[0]]
        ours, theirs = ([guess.probability for guess in x] for x in (answer, answers[0]))
        assert ours == pytest.approx(theirs, abs=1e-5)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (b"text", r"picture 0: not an image \(text\)"),
        (np.zeros((4, 4)), r"an array float64 \[4, 4\]; give uint8 \[height, width, 3\]"),
        ("/nowhere.jpg", r"/nowhere.jpg: cannot be read \(No such file"),
    ],
)
def test_a_program_hears_of_a_bad_picture_by_an_error(predictor, given, reason):
    with pytest.raises(ImageError, match=reason):
        predictor.predict(given)


def test_the_module_is_differentiable_and_in_evaluation_mode(predictor):
    probabilities = predictor(torch.tensor(picture(1, 72)[None]))
    assert probabilities.requires_grad
    assert not predictor.training


def test_every_form_says_the_same_and_a_bad_file_is_named(checkpoint, folder, tmp_path):
    tables = {}
    for kind in ("csv", "jsonl", "parquet"):
        out = tmp_path / f"out.{kind}"
        result = run(checkpoint, folder, "--out", out, "--top", 2)
        assert result.exit_code == 3, result.output
        assert f"{folder}/4.jpg: not an image (text)" in result.output
        assert f"8 of 9 pictures answered: {out}" in result.output
        tables[kind] = out
    with tables["csv"].open() as file:
        rows = list(csv.DictReader(file))
    lines = [json.loads(line) for line in tables["jsonl"].read_text().splitlines()]
    columns = parquet.read_table(tables["parquet"]).to_pylist()
    assert len(rows) == len(columns) == 2 * 8 + 1
    assert [row["picture"] for row in rows] == [row["picture"] for row in columns]
    assert [row["class"] for row in rows] == [row["class"] for row in columns]
    flat = [guess["class"] for line in lines for guess in line.get("guesses", [{"class": ""}])]
    assert flat == [row["class"] for row in rows]
    assert [line["error"] for line in lines if "error" in line] == ["not an image (text)"]
    assert [int(row["rank"]) for row in rows if row["error"]] == [0]


def test_the_table_is_for_people(checkpoint, folder):
    result = run(checkpoint, folder / "0.jpg", folder / "4.jpg", folder / "1.jpg")
    assert result.exit_code == 3
    lines = result.output.splitlines()
    assert lines.count(f"{folder}/4.jpg: not an image (text)") == 1
    assert sum("%" in line for line in lines) == 6
    assert "no picture" not in result.output


def test_standard_input_and_csv_on_standard_output(checkpoint):
    data = encode(picture(3, 90))
    result = run(checkpoint, "-", "--format", "csv", input=data)
    assert result.exit_code == 0
    rows = list(csv.DictReader(result.stdout.splitlines()))
    assert [row["picture"] for row in rows] == ["standard input"] * 3


def test_parquet_needs_a_file(checkpoint, folder):
    result = run(checkpoint, folder, "--format", "parquet")
    assert result.exit_code == 2
    assert "--format parquet needs --out FILE" in result.output


def test_what_is_turned_is_said_and_can_be_switched_off(checkpoint, tmp_path):
    from .test_one_path import photograph

    path = tmp_path / "phone.jpg"
    path.write_bytes(photograph(picture(5, 90)[:, :60], 6))
    result = run(checkpoint, path)
    assert "(turned upright, as its EXIF says)" in result.output
    assert "1 photograph was turned upright" in result.output
    assert "turned upright" not in run(checkpoint, path, "--no-exif").output


def test_an_input_is_not_written_over(checkpoint, folder, tmp_path):
    answers = tmp_path / "answers.csv"
    answers.write_bytes(b"taken for a picture")
    for name in (checkpoint, answers):
        before = name.read_bytes()
        found = run(checkpoint, answers, "--out", name)
        assert found.exit_code == 2
        assert "is an input and would be lost" in found.output
        assert name.read_bytes() == before
    first = tmp_path / "first.jpg"  # predict CHECKPOINT --out *.jpg
    found = run(checkpoint, folder, "--out", first)
    assert (found.exit_code, first.exists()) == (2, False)
    assert "has the name of a picture" in found.output


def test_a_class_name_cannot_break_the_table():
    guess = module.Guess("n1", "kit\nfox\x1b[2J", 0.5)
    assert text(module.Answer("a.jpg", (guess,)), "table") == (
        "a.jpg\n   50.0%  kit\\x0afox\\x1b[2J  n1\n"
    )
