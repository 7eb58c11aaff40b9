"""Int8: everything heavy is quantised, answers stay near, and the table says what was counted."""

import json

import numpy as np
import onnx
import pytest
import torch
from click.testing import CliRunner

import alextrain
from alexprep.shards.reader import ShardReader
from alextrain.cli import main
from alextrain.export import onnx_file, torch_file
from alextrain.export.package import Packaged
from alextrain.shrink.measured import Candidate, Row, measure, table
from alextrain.shrink.onnx_int8 import quantise_onnx, quantised_operators
from alextrain.shrink.quantise import calibration_images


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.parametrize(("kind", "suffix"), [("onnx", "-int8.onnx"), ("torch", "-int8.pt2")])
def test_the_file_answers_nearly_the_same_and_holds_what_was_measured(
    checkpoint, predictor, shards, tmp_path, kind, suffix
):
    out = tmp_path / f"x{suffix}"
    result = run("quantise", checkpoint, shards, "--to", kind, "--out", out, "--json")
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert rows[0]["name"] == "float32, torch"
    assert all(row["images"] == 9 and row["one_ms"] > 0 for row in rows)
    images = calibration_images(ShardReader(shards, "val"), 9)
    opened = onnx_file.open_onnx if kind == "onnx" else torch_file.open_program
    forward, notes = opened(out.read_bytes())
    difference = np.abs(forward(images) - predictor.probabilities(images)).max()
    assert 0 < difference < 0.1  # int8 at all, and not another network
    measured = notes["measured"] if kind == "onnx" else json.loads(notes)["measured"]
    assert (json.loads(measured) if kind == "onnx" else measured) == rows
    assert weight_bytes(out, kind) < 0.35 * 4 * sum(p.numel() for p in predictor.parameters())


def weight_bytes(path, kind):
    if kind == "onnx":
        graph = onnx.load(path).graph
        return sum(onnx.numpy_helper.to_array(tensor).nbytes for tensor in graph.initializer)
    program = torch.export.load(path)
    held = [*program.state_dict.values(), *program.constants.values()]
    return sum(tensor.nbytes for tensor in held if isinstance(tensor, torch.Tensor))


def test_every_convolution_and_full_layer_is_quantised(any_checkpoint, shards):
    network = alextrain.load(any_checkpoint, "cpu").network
    images = calibration_images(ShardReader(shards, "train"), 8)
    plain = onnx_file.onnx_bytes(Packaged(network), images[:2])
    assert quantised_operators(plain) == (8, 0)
    assert quantised_operators(quantise_onnx(plain, images)) == (8, 8)


def test_calibration_images_are_spread_over_the_split(shards):
    reader = ShardReader(shards, "train")
    every = calibration_images(reader, 999)
    assert len(every) == 26
    three = calibration_images(reader, 3)
    assert np.array_equal(three, every[[0, 12, 25]])


def test_errors_are_those_of_the_evaluation(checkpoint, shards, network):
    module = alextrain.load(checkpoint, "cpu")
    [row] = measure(
        [Candidate("float32", 1, module.probabilities)], ShardReader(shards, "train"), workers=1
    )
    result = run("eval", checkpoint, shards, "--split", "train", "--json", "--device", "cpu")
    found = json.loads(result.stdout)
    assert (row.images, row.top1_wrong, row.top5_wrong) == (
        found["images"],
        found["top1_wrong"],
        found["top5_wrong"],
    )


def test_the_table_compares_with_its_first_row():
    rows = [
        Row("float32", 4_000_000, "val", 200, 50, 10, 5, 2.0, 40.0),
        Row("int8", 1_000_000, "val", 200, 53, 12, 5, 1.0, 60.0),
    ]
    head, first, second, foot = table(rows).splitlines()
    assert first.split() == ["float32", "25.00%", "5.00%", "4.0", "2.00", "ms", "40.0", "ms"]
    for text in ("26.50%", "+1.50 points", "6.00%", "x0.25", "1.00 ms", "x0.50", "x1.50"):
        assert text in second
    assert "top-5 error" in head
    assert foot.startswith("200 images of val, 1 view; CPU, ")
