"""A checkpoint by torch, by ONNX Runtime and as an exported file: the same answers."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from alextrain.device import Machine
from alextrain.errors import CheckpointError
from alextrain.export import export
from alextrain.serve.engines import load_served
from alextrain.serve.heat import overlay
from tests.alextrain.use.serve.colours import CPU, colours, picture, serving


@pytest.fixture(scope="module")
def exported(checkpoint, tmp_path_factory):
    return export(checkpoint, "onnx", tmp_path_factory.mktemp("onnx") / "model.onnx").path


@pytest.mark.parametrize("count", [1, 3, 17])
def test_every_engine_gives_the_same_probabilities(checkpoint, exported, count):
    size = 72
    images = np.random.default_rng(count).integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    by_torch = load_served(checkpoint, CPU, "torch").forward(images)
    for served in (load_served(checkpoint, CPU), load_served(exported, CPU)):
        assert served.engine.startswith("ONNX Runtime")
        assert np.abs(served.forward(images) - by_torch).max() < 1e-5


def test_an_exported_file_says_all_that_is_needed(checkpoint, exported):
    ours, theirs = load_served(checkpoint, CPU, "torch"), load_served(exported, CPU)
    assert (theirs.classes, theirs.words) == (ours.classes, ours.words)
    assert theirs.settings == ours.settings


def test_engines_that_do_not_fit_are_refused(checkpoint, exported):
    with pytest.raises(CheckpointError, match="--engine torch needs a checkpoint"):
        load_served(exported, CPU, "torch")
    with pytest.raises(CheckpointError, match="add --device cpu"):
        load_served(checkpoint, Machine(torch.device("cuda"), "off"), "onnx")


def test_a_file_of_another_kind_is_refused_in_a_sentence(checkpoint, exported, tmp_path):
    outside = export(checkpoint, "onnx", tmp_path / "outside.onnx", inside=False).path
    with pytest.raises(CheckpointError, match="again with --preprocess inside"):
        load_served(outside, CPU)
    for data in (b"", b"no network", exported.read_bytes()[:-1000]):
        (tmp_path / "bad.onnx").write_bytes(data)
        with pytest.raises(CheckpointError, match=r"bad\.onnx: no ONNX file"):
            load_served(tmp_path / "bad.onnx", CPU)


def test_a_network_whose_answers_are_no_probabilities_is_not_served():
    for wrong in (np.ones((2, 3)), np.full((2, 3), np.nan), np.ones((2, 4)) / 4):
        with pytest.raises(CheckpointError, match="it is not served"):
            colours(forward=lambda images, wrong=wrong: wrong).check(2)


@pytest.mark.anyio
async def test_grad_cam_comes_as_a_picture_on_request_and_only_of_a_checkpoint(
    checkpoint, exported
):
    def load(path):
        return load_served(path, CPU, "torch" if path == checkpoint else "auto")

    async with serving(checkpoint, load) as (_, client):
        assert (await client.get("/classes")).json()["gradcam"] is True
        plain = await client.post("/predict", content=picture())
        answer = (await client.post("/predict?gradcam=1", content=picture())).json()
        wrong = await client.post("/predict?gradcam=yes", content=picture())
    heat = answer.pop("gradcam")
    assert answer == plain.json()
    assert heat.startswith("data:image/png;base64,")
    assert wrong.status_code == 422
    async with serving(exported, load) as (_, client):
        assert (await client.get("/classes")).json()["gradcam"] is False
        refused = await client.post("/predict?gradcam=1", content=picture())
    assert refused.status_code == 422
    assert "needs a checkpoint" in refused.json()["error"]


def test_evidence_is_coloured_where_it_lies():
    heat = np.zeros((4, 4), np.float32)
    heat[0, 0] = 1
    view = np.full((40, 40, 3), 128, np.uint8)
    drawn = np.asarray(Image.open(io.BytesIO(overlay(view, heat))).convert("RGB")).astype(int)
    colourful = drawn.max(2) - drawn.min(2)
    assert colourful[:40, :40].mean() > 2 * colourful[-40:, -40:].mean()
    assert drawn[0, 0].argmax() == 0  # red
