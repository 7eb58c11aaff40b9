"""Files of networks that are whole, and whose content is not what we write."""

import json

import pytest
from click.testing import CliRunner

import alextrain
from alextrain.cli import main
from alextrain.errors import CheckpointError
from alextrain.training.checkpoint import load_checkpoint, save_checkpoint
from alextrain.use.weights import beside, weights_bytes
from tests.alextrain.small_shards import encode, picture


@pytest.fixture
def content(checkpoint):
    return load_checkpoint(checkpoint)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_network_that_diverged_answers_nothing(content, tmp_path, number):
    content["model"]["classifier.fc7.bias"][3] = number
    save_checkpoint(tmp_path / "x.pt", content)
    with pytest.raises(CheckpointError, match=r"'classifier\.fc7\.bias' holds what is no number"):
        alextrain.load(tmp_path / "x.pt")


@pytest.mark.parametrize(
    ("part", "value", "reason"),
    [
        ("words", [], "names 3 classes and 0 words"),
        ("words", ["a"], "names 3 classes and 1 words"),
        ("classes", "abc", "no lists of names"),
        ("classes", [1, 2, 3], "no lists of names"),
        ("classes", [], "names 0 classes"),
        ("settings", [], "its recipe, settings or statistics are not as"),
        ("recipe", "paper", "its recipe, settings or statistics are not as"),
        ("statistics", {}, "its recipe, settings or statistics are not as"),
        ("model", {"features.conv1.weight": 1.0}, "lacks the weights"),
    ],
)
def test_other_content_is_one_sentence(content, tmp_path, part, value, reason):
    save_checkpoint(tmp_path / "x.pt", content | {part: value})
    with pytest.raises(CheckpointError, match=reason):
        alextrain.load(tmp_path / "x.pt")


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_class_folder_that_is_no_utf8_can_be_written_and_shown(content, tmp_path, suffix):
    odd = ["inv\udcff", "half\ud800", "two\nlines"]
    save_checkpoint(tmp_path / "x.pt", content | {"classes": odd, "words": odd})
    network = alextrain.load(tmp_path / "x.pt").network
    assert network.classes == ["inv\\xff", "half\\ud800", "two\nlines"]
    assert network.words == ["inv\\xff", "half\\ud800", "two\\x0alines"]
    (tmp_path / "x.png").write_bytes(encode(picture(1, 40)))
    out = tmp_path / f"answers{suffix}"
    command = ["predict", tmp_path / "x.pt", tmp_path / "x.png", "--out", out]
    result = CliRunner().invoke(main, list(map(str, command)))
    assert (result.exit_code, out.is_file()) == (0, True), result.output


@pytest.mark.parametrize("change", ["no JSON", "no statistics", "sums lost"])
def test_metadata_that_others_changed_are_one_sentence(content, tmp_path, change):
    import safetensors
    import safetensors.torch

    path = tmp_path / "x.safetensors"
    path.write_bytes(weights_bytes(content, {}))
    with safetensors.safe_open(path, "pt") as opened:
        metadata = opened.metadata()
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    if change == "no JSON":
        metadata["words"] = "kit fox"
    elif change == "no statistics":
        metadata["statistics"] = json.dumps([1])
    else:
        del tensors["statistics.pixel_sum"]
    safetensors.torch.save_file(tensors, path, metadata)
    with pytest.raises(CheckpointError, match="its metadata are not as"):
        alextrain.load(path)


def test_what_is_made_of_the_folder_one_is_in_lies_beside_it(checkpoint, tmp_path, monkeypatch):
    (tmp_path / "given").mkdir()
    weights = weights_bytes(load_checkpoint(checkpoint), {})
    (tmp_path / "given" / "model.safetensors").write_bytes(weights)
    monkeypatch.chdir(tmp_path / "given")
    result = CliRunner().invoke(main, ["export", ".", "--to", "safetensors"])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "given.safetensors").is_file()
    assert beside(tmp_path / "best.pt", ".onnx") == tmp_path / "best.onnx"


def test_a_place_that_cannot_be_written_is_said_before_the_work(
    checkpoint, shards, tmp_path, monkeypatch
):
    monkeypatch.setattr("alextrain.export.onnx_bytes", None)  # the work
    monkeypatch.setattr("alextrain.shrink.quantise.onnx_bytes", None)
    out = str(tmp_path / "nowhere" / "x.onnx")
    for command in (["export", "--to", "onnx"], ["quantise", str(shards)]):
        given = [command[0], str(checkpoint), *command[1:], "--out", out]
        result = CliRunner().invoke(main, given)
        assert (result.exit_code, "Traceback" in result.output) == (1, False)
        assert f"{out}: cannot be written (No such file or directory)" in result.output
    result = CliRunner().invoke(
        main, ["quantise", str(checkpoint), str(shards), "--out", str(checkpoint)]
    )
    assert "is an input and would be lost" in result.output
