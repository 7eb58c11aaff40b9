"""What `eval` writes for each image, each class, and against other labels."""

import csv
import json

import numpy as np
import pytest
import torch

from alexprep.shards.reader import ShardReader
from alextrain.device import Machine
from alextrain.errors import LabelsError
from alextrain.parquet import read_parquet
from alextrain.training.evaluation import average_views
from alextrain.use.answered import Answered, write_classes, write_confusion, write_predictions
from alextrain.use.other_labels import judge, read_labels

from .test_cli import CPU, run, trained  # noqa: F401  # the fixture

NAMES = ["a", "b", "c"]
ANSWERED = Answered(
    labels=np.array([0, 0, 2]),
    guesses=np.array([[0, 1], [1, 2], [1, 2]]),
    probabilities=np.array([[0.5, 0.25], [0.75, 0.25], [0.5, 0.5]], np.float32),
)


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_softmax_is_averaged_over_the_views_where_logits_would_decide_otherwise():
    """One view is sure of class 0 by a wide margin, four lean to class 1."""
    views = [torch.tensor([[20.0, 0.0]])] + 4 * [torch.tensor([[0.0, 3.0]])]
    assert torch.stack(views).mean(0).argmax() == 0
    found = average_views(torch.nn.Identity(), views, Machine(torch.device("cpu"), "off"))
    assert found.argmax() == 1
    assert found.sum() == pytest.approx(1)


def test_rows_of_csv_and_parquet_are_the_same(tmp_path):
    pytest.importorskip("pyarrow")
    keys = ["a/x", "a/y", "c/z"]
    write_predictions(tmp_path / "p.csv", ANSWERED, keys)
    write_predictions(tmp_path / "p.parquet", ANSWERED, keys)
    columns, _ = read_parquet(tmp_path / "p.parquet")
    rows = table(tmp_path / "p.csv")
    assert rows[1] == {
        "key": "a/y",
        "label": "0",
        "guess_1": "1",
        "probability_1": "0.75",
        "guess_2": "2",
        "probability_2": "0.25",
    }
    for name, column in columns.items():
        assert [row[name] for row in rows] == [str(value) for value in column]


def test_classes_and_confusions_are_counted(tmp_path):
    write_classes(tmp_path / "c.csv", ANSWERED, NAMES)
    write_confusion(tmp_path / "m.csv", ANSWERED, NAMES)
    counts = [[row[key] for key in ("images", "top1_wrong", "top5_wrong", "top1_error")]
              for row in table(tmp_path / "c.csv")]  # fmt: skip
    assert counts == [["2", "1", "1", "0.500000"], ["0", "0", "0", ""], ["1", "1", "0", "1.000000"]]
    assert (tmp_path / "m.csv").read_text().splitlines()[1:] == ["a,1,1,0", "b,0,0,0", "c,0,1,0"]


def test_an_image_without_labels_is_not_counted_and_any_of_several_is_right(tmp_path):
    found = judge(tmp_path / "real.json", [[2, 0], [], [2]], ANSWERED.guesses)
    assert (found.images, found.unlabelled, found.top1_wrong, found.top5_wrong) == (2, 1, 1, 0)


@pytest.mark.parametrize("keys", [["b/2", "a/10", "a/1"], ["x/ILSVRC2012_val_00000003"]])
def test_labels_go_by_the_names_of_the_images_not_by_their_place_in_the_shards(keys, tmp_path):
    file = tmp_path / "real.json"
    file.write_text("[[0], [1], [2, 0]]")
    found = read_labels(file, keys, "wnid", 3)
    assert found == ([[2, 0], [1], [0]] if len(keys) == 3 else [[2, 0]])


@pytest.mark.parametrize(
    ("text", "keys", "order", "sentence"),
    [
        ("[[0]", ["a/1"], "wnid", "is no JSON"),
        ("{}", ["a/1"], "wnid", "holds no list"),
        ("[[3]]", ["a/1"], "wnid", r"entry 0 is \[3\]"),
        ("[[true]]", ["a/1"], "wnid", "entry 0"),
        ("[[0], [1]]", ["a/1"], "wnid", "has 2 entries and the split 1 images"),
        ("[[0], [1]]", ["a/1", "b/1"], "wnid", "the same name"),
        ("[[0]]", ["a/ILSVRC2012_val_00000002"], "wnid", "are numbered 2 to 2"),
        ("[[0]]", ["a/1"], "devkit", "in the order 'devkit'"),
    ],
)
def test_labels_that_do_not_fit_are_refused(text, keys, order, sentence, tmp_path):
    file = tmp_path / "real.json"
    file.write_text(text)
    with pytest.raises(LabelsError, match=sentence):
        read_labels(file, keys, order, 3)


@pytest.mark.parametrize(
    ("option", "name", "sentence"),
    [
        ("--predictions", "nowhere/p.csv", "nowhere/p.csv: cannot be written (No such file"),
        ("--per-class", "file/c.csv", "file/c.csv: cannot be written (Not a directory)"),
        ("--confusion", "nowhere/c.csv", "nowhere/c.csv: cannot be written"),
        ("--figures", "file/figures", "file/figures: cannot be written (Not a directory)"),
    ],
)
def test_what_cannot_be_written_is_refused_before_the_work(tmp_path, option, name, sentence):
    (tmp_path / "file").touch()
    result = run("eval", tmp_path / "no.pt", tmp_path / "no", *CPU, option, tmp_path / name)
    assert result.exit_code == 1  # the network that is missing comes later
    assert sentence in result.output


def test_the_files_of_a_trained_network_agree_with_its_errors(trained, shards, tmp_path):  # noqa: F811
    reader = ShardReader(shards, "val")
    keys = reader.index.keys()
    labels = {
        key.rpartition("/")[2]: [label]
        for key, label in zip(keys, reader.labels.tolist(), strict=True)
    }
    (tmp_path / "own.json").write_text(json.dumps([labels[name] for name in sorted(labels)]))
    outputs = {name: tmp_path / f"{name}.csv" for name in ("predictions", "per-class", "confusion")}
    given = [text for name, path in outputs.items() for text in (f"--{name}", path)]
    given += ["--labels", tmp_path / "own.json", "--json"]
    result = run("eval", trained[0] / "best.pt", shards, *CPU, *given)
    assert result.exit_code == 0, result.output
    found = json.loads(result.output.splitlines()[0])
    rows = table(outputs["predictions"])
    assert [row["key"] for row in rows] == keys
    wrong = sum(row["label"] != row["guess_1"] for row in rows)
    assert wrong == found["top1_wrong"] == found["relabelled"]["top1_wrong"]
    assert wrong == sum(int(row["top1_wrong"]) for row in table(outputs["per-class"]))
    lines = outputs["confusion"].read_text().splitlines()[1:]
    right = sum(int(line.split(",")[i + 1]) for i, line in enumerate(lines))
    assert right == 7 - wrong
