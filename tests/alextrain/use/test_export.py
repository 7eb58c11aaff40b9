"""Exported networks answer as their checkpoint, say what they are, or are not written."""

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from click.testing import CliRunner

import alextrain
from alextrain.cli import main
from alextrain.device import choose_machine
from alextrain.errors import CheckpointError, ExportError
from alextrain.export import export, onnx_file, torch_file
from alextrain.export.package import Packaged
from alextrain.export.parity import LARGEST, compare, in_batches, sample_images
from alextrain.training.checkpoint import load_checkpoint
from alextrain.training.setup import make_model
from alextrain.use.network import Network
from alextrain.use.weights import read_weights, weights_bytes
from tests.alextrain.small_runs import recipe
from tests.alextrain.small_shards import SIZE


@pytest.fixture(scope="module")
def images():
    return sample_images(None, SIZE)


def test_onnx_takes_levels_and_gives_the_checkpoints_probabilities(
    any_checkpoint, shards, tmp_path, images
):
    done = export(any_checkpoint, "onnx", tmp_path / "x.onnx", shards)
    assert done.parity.real
    assert done.parity.top1_agreement == 1
    forward, notes = onnx_file.open_onnx((tmp_path / "x.onnx").read_bytes())
    expected = alextrain.load(any_checkpoint, "cpu").probabilities(images)
    for count in (1, 3, 64):  # of images at a time
        assert np.abs(forward(images[:count]) - expected[:count]).max() < 1e-5
    assert json.loads(notes["parity"]) == done.parity.to_dict()
    assert json.loads(notes["classes"]) == alextrain.load(any_checkpoint, "cpu").classes
    assert json.loads(notes["settings"])["size"] == SIZE
    assert b"alextrain/" not in (tmp_path / "x.onnx").read_bytes()  # no path of this machine
    model = onnx.load(tmp_path / "x.onnx")
    [entry] = model.graph.input
    assert entry.type.tensor_type.shape.dim[0].dim_param  # free
    assert [d.dim_value for d in entry.type.tensor_type.shape.dim][1:] == [SIZE, SIZE, 3]


def test_a_pt2_file_runs_without_our_code(any_checkpoint, tmp_path, images):
    done = export(any_checkpoint, "torch", tmp_path / "x.pt2")
    assert not done.parity.real
    data = (tmp_path / "x.pt2").read_bytes()
    assert b"alextrain/" not in data  # nor are paths of this machine in it
    forward, notes = torch_file.open_program(data)
    expected = alextrain.load(any_checkpoint, "cpu").probabilities(images)
    assert np.abs(in_batches(forward, images) - expected).max() < 1e-5
    assert json.loads(notes)["parity"] == done.parity.to_dict()


def test_one_image_is_enough_to_trace_for_any_number(network, images):
    packaged = Packaged(network)
    expected = packaged(torch.from_numpy(images[:3])).detach().numpy()
    by_onnx, _ = onnx_file.open_onnx(onnx_file.onnx_bytes(packaged, images[:1]))
    program = torch_file.program_of(packaged, images[:1])
    by_torch, _ = torch_file.open_program(torch_file.program_bytes(program))
    for forward in (by_onnx, by_torch):
        assert np.abs(forward(images[:3]) - expected).max() < 1e-5


@pytest.mark.parametrize("kind", ["torch", "onnx"])
def test_outside_means_crops_in_and_logits_out(predictor, checkpoint, tmp_path, images, kind):
    path = tmp_path / "x"
    export(checkpoint, kind, path, inside=False)
    opened = {"torch": torch_file.open_program, "onnx": onnx_file.open_onnx}[kind]
    forward, _ = opened(path.read_bytes())
    [view] = predictor.network.augmenter.views(torch.from_numpy(images), 1)
    with torch.inference_mode():
        expected = predictor.model(view).numpy()
    found = forward(view.contiguous().numpy())
    assert np.allclose(found, expected, rtol=0, atol=1e-4)
    assert found.sum(1) != pytest.approx(1)


@pytest.mark.parametrize("kind", ["safetensors", "timm"])
def test_weights_are_loaded_again_bit_for_bit(any_checkpoint, tmp_path, images, kind):
    path = tmp_path / "network.safetensors" if kind == "safetensors" else tmp_path / "folder"
    done = export(any_checkpoint, kind, path)
    assert done.parity.largest_difference == 0
    mine, again = alextrain.load(any_checkpoint, "cpu"), alextrain.load(path, "cpu")
    assert np.array_equal(mine.probabilities(images, 10), again.probabilities(images, 10))
    assert again.network.recipe == mine.network.recipe
    assert again.network.about == mine.network.about
    weights = mine.model.state_dict()
    assert all(torch.equal(weights[name], w) for name, w in again.model.state_dict().items())


def test_the_folder_has_timms_keys_and_a_card_with_errors_and_views(checkpoint, shards, tmp_path):
    export(checkpoint, "timm", tmp_path / "folder", shards)
    found = json.loads((tmp_path / "folder/config.json").read_text())
    assert found["num_classes"] == 3
    assert found["pretrained_cfg"]["input_size"] == [3, 67, 67]
    assert found["pretrained_cfg"]["label_names"] == ["n00000001", "n00000002", "n00000003"]
    statistics = alextrain.load(checkpoint, "cpu").network.statistics
    assert found["pretrained_cfg"]["mean"] == pytest.approx(statistics.channel_mean / 255, abs=1e-6)
    assert found["pretrained_cfg"]["std"] == pytest.approx(statistics.channel_std / 255, abs=1e-6)
    card = (tmp_path / "folder/README.md").read_text()
    for text in ("pipeline_tag: image-classification", "val, 1 view: top-1 error", "val, 10 views"):
        assert text in card
    assert statistics.fingerprint in card


def test_timm_reads_the_folder_but_has_no_such_model(checkpoint, tmp_path):
    import timm

    export(checkpoint, "timm", tmp_path / "folder")
    with pytest.raises(RuntimeError, match=r"Unknown model \(alexkit/quick\)"):
        timm.create_model(f"local-dir:{tmp_path}/folder", pretrained=True)
    card = (tmp_path / "folder/README.md").read_text()
    assert "timm.create_model` does not load it" in card
    assert alextrain.load(tmp_path / "folder", "cpu").classes


def test_agreement_counts_images_and_forgives_ties_alone():
    expected = np.array([[0.6, 0.4], [0.6, 0.4], [0.5, 0.5], [0.1, 0.9]], np.float32)
    found = np.array([[0.6, 0.4], [0.4, 0.6], [0.49995, 0.50005], [0.1, 0.9]], np.float32)
    parity = compare(expected, found, real=True)
    assert parity.top1_agreement == 0.75
    assert parity.largest_difference == pytest.approx(0.2)
    with pytest.raises(ExportError, match=r"75\.0%"):
        parity.check("x")
    with pytest.raises(ExportError, match=r"75\.0%"):
        replace(parity, largest_difference=0.0).check("x")
    broken = compare(expected, np.full((4, 2), np.nan, np.float32), real=True)
    with pytest.raises(ExportError):
        broken.check("x")
    compare(expected, expected + np.float32(LARGEST / 2), real=True).check("x")


def test_foreign_and_damaged_weights_are_refused(checkpoint, tmp_path):
    import safetensors.torch

    path = tmp_path / "x.safetensors"
    safetensors.torch.save_file({"w": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match="are no weights of alexkit"):
        read_weights(path)
    path.write_bytes(b"\xff" * 100)
    with pytest.raises(CheckpointError, match="cannot be read"):
        alextrain.load(path)
    content = load_checkpoint(checkpoint)
    del content["model"]["classifier.fc8.bias"]
    path.write_bytes(weights_bytes(content, {}))
    with pytest.raises(CheckpointError, match="lacks the weights"):
        alextrain.load(path)


def test_the_command_says_what_was_written(checkpoint, shards, tmp_path):
    def run(*arguments):
        return CliRunner().invoke(main, ["export", str(checkpoint), *map(str, arguments)])

    result = run(shards, "--to", "safetensors", "--out", tmp_path / "x.safetensors")
    assert result.exit_code == 0, result.output
    assert "9 real images: the first guess agrees on 100.0%" in result.output
    result = run("--to", "safetensors", "--out", tmp_path / "x.safetensors")
    assert "64 generated images" in result.output
    assert "Name SHARDS to compare on real images." in result.output
    result = run("--to", "torchvision")
    assert result.exit_code == 1
    assert "which torchvision's alexnet cannot hold" in result.output
    with pytest.raises(CheckpointError, match="exported for other programs; give its checkpoint"):
        alextrain.load(tmp_path / "x.onnx")
    result = run("--to", "onnx", "--out", checkpoint)
    assert "is the checkpoint itself; name another --out" in result.output


def test_torchvisions_alexnet_takes_its_own_weights(checkpoint, tmp_path, images, monkeypatch):
    import safetensors.torch
    from torchvision.models import alexnet

    given = recipe("torchvision", width=1.0)
    content = load_checkpoint(checkpoint) | {
        "recipe": given.to_dict(),
        "model": make_model(given, 3).state_dict(),
    }
    monkeypatch.setattr("alextrain.export.load_checkpoint", lambda path: content)
    done = export(checkpoint, "torchvision", tmp_path / "tv.safetensors")
    assert done.parity.top1_agreement == 1
    model = alexnet(num_classes=3).eval()
    model.load_state_dict(safetensors.torch.load_file(tmp_path / "tv.safetensors"))
    mine = Network.of(content, "x", choose_machine("cpu"))
    [view] = mine.augmenter.views(torch.from_numpy(images[:4]), 1)
    with torch.inference_mode():
        assert torch.allclose(model(view), mine.model(view), atol=1e-5)
