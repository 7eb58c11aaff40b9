"""What an exported file says is enough to use it; one that answers otherwise is not written."""

import base64
import json

import numpy as np
import pytest
import safetensors
import torch

import alextrain
from alextrain.errors import ExportError
from alextrain.export import export, onnx_file, torch_file
from alextrain.export.parity import LARGEST, compare, sample_images
from alextrain.training.checkpoint import load_checkpoint
from alextrain.training.setup import make_model
from tests.alextrain.small_runs import recipe
from tests.alextrain.small_shards import SIZE


@pytest.fixture(scope="module")
def images():
    return sample_images(None, SIZE)


@pytest.fixture
def torchvisions(checkpoint, monkeypatch):
    """Give a checkpoint of the net that torchvision has, which subtracts the mean image."""

    def give(**settings):
        given = recipe("torchvision", width=1.0, **settings)
        content = load_checkpoint(checkpoint) | {
            "recipe": given.to_dict(),
            "model": make_model(given, 3).state_dict(),
        }
        monkeypatch.setattr("alextrain.export.load_checkpoint", lambda path: content)
        monkeypatch.setattr("alextrain.use.network.load_checkpoint", lambda path: content)
        return checkpoint

    return give


def by_the_notes(images, notes):
    """Prepare squares as docs/export.md has it, with nothing but a file's metadata."""
    top, left, crop = (json.loads(notes[name]) for name in ("top", "left", "crop"))
    mean, scale = json.loads(notes["mean"]), json.loads(notes["scale"])
    if isinstance(mean, dict):
        mean = np.frombuffer(base64.b64decode(mean["base64"]), "<f4").reshape(mean["shape"])
    levels = images[:, top : top + crop, left : left + crop].astype(np.float32)
    crops = (levels - np.float32(mean)) * np.float32(scale)
    return np.ascontiguousarray(crops.transpose(0, 3, 1, 2))


def softmax(logits):
    shares = np.exp(logits - logits.max(1, keepdims=True))
    return shares / shares.sum(1, keepdims=True)


@pytest.mark.parametrize("kind", ["torch", "onnx"])
def test_outside_a_file_says_all_that_its_user_must_do(any_checkpoint, tmp_path, images, kind):
    path = tmp_path / "x"
    export(any_checkpoint, kind, path, inside=False)
    if kind == "onnx":
        forward, notes = onnx_file.open_onnx(path.read_bytes())
    else:
        forward, text = torch_file.open_program(path.read_bytes())
        notes = {name: json.dumps(value) for name, value in json.loads(text).items()}
    found = softmax(forward(by_the_notes(images, notes)))
    expected = alextrain.load(any_checkpoint, "cpu").probabilities(images)
    assert np.abs(found - expected).max() < LARGEST


@pytest.mark.parametrize("normalise", ["mean-std", "mean-image", "unit"])
def test_weights_for_torchvision_say_so_too(torchvisions, tmp_path, images, normalise):
    from torchvision.models import alexnet

    checkpoint = torchvisions(normalise=normalise)
    export(checkpoint, "torchvision", tmp_path / "tv.safetensors")
    model = alexnet(num_classes=3).eval()
    with safetensors.safe_open(tmp_path / "tv.safetensors", "pt") as opened:
        model.load_state_dict({name: opened.get_tensor(name) for name in opened.keys()})  # noqa: SIM118
        crops = torch.from_numpy(by_the_notes(images[:9], opened.metadata()))
    with torch.inference_mode():
        found = softmax(model(crops).numpy())
    expected = alextrain.load(checkpoint, "cpu").probabilities(images[:9])
    assert np.abs(found - expected).max() < LARGEST


# What writes the file of each kind.
WRITERS = {
    "torch": "program_bytes",
    "onnx": "with_notes",
    "safetensors": "weights_bytes",
    "timm": "weights_bytes",
    "torchvision": "state_bytes",
}


@pytest.mark.parametrize(
    ("kind", "inside"), [*((kind, True) for kind in WRITERS), ("torch", False), ("onnx", False)]
)
def test_a_file_with_one_weight_changed_is_not_written(
    checkpoint, torchvisions, tmp_path, monkeypatch, kind, inside
):
    if kind == "torchvision":
        torchvisions()
    bias = alextrain.load(checkpoint, "cpu").model.state_dict()["classifier.fc8.bias"].numpy()
    wrong = bias.copy()
    wrong[1] += 0.01
    encode = getattr(alextrain.export, WRITERS[kind])

    def damaged(*given):
        data = encode(*given)
        assert data.count(bias.tobytes()) == 1
        return data.replace(bias.tobytes(), wrong.tobytes())

    monkeypatch.setattr(alextrain.export, WRITERS[kind], damaged)
    with pytest.raises(ExportError, match="does not answer as its checkpoint"):
        export(checkpoint, kind, tmp_path / "x", inside=inside)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["torch", "onnx"])
def test_a_file_that_says_another_place_is_not_written(checkpoint, tmp_path, monkeypatch, kind):
    describe = alextrain.export.describe
    monkeypatch.setattr(
        alextrain.export, "describe", lambda *given, **more: describe(*given, **more) | {"top": 0}
    )
    with pytest.raises(ExportError, match="does not answer as its checkpoint"):
        export(checkpoint, kind, tmp_path / "x", inside=False)
    assert not list(tmp_path.iterdir())


def test_within_the_limit_first_guesses_differ_by_ties_alone():
    rng = np.random.default_rng(0)
    expected = softmax(rng.normal(0, 1e-4, (2000, 5)).astype(np.float32))
    found = expected + rng.uniform(-LARGEST, LARGEST, expected.shape).astype(np.float32) * 0.99
    assert (expected.argmax(1) != found.argmax(1)).any()
    assert compare(expected, found, real=True).check("x").top1_agreement == 1
