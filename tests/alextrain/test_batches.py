"""The loader for any model."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from alextrain import data
from alextrain.data import Augmentation, batches

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.mark.parametrize("augmentation", [None, Augmentation(40)])
def test_an_epoch_left_half_way_goes_on_with_the_same_batches(shards, augmentation):
    whole = list(batches(shards, batch_size=5, augmentation=augmentation, epoch=3))
    rest = list(batches(shards, batch_size=5, augmentation=augmentation, epoch=3, seen=10))
    assert [len(labels) for _, labels in whole] == [5, 5, 5, 5, 2]
    assert len(rest) == 3
    for ours, theirs in zip(whole[2:], rest, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    other, _ = next(batches(shards, batch_size=5, augmentation=augmentation, epoch=4))
    assert not torch.equal(other, whole[0][0])


def test_the_promised_types_and_shapes_come_for_every_sample_once(shards):
    raw = list(batches(shards, "train", 5, shuffle=False))
    assert {(images.dtype, images.shape[1:]) for images, _ in raw} == {(torch.uint8, (72, 72, 3))}
    assert torch.cat([labels for _, labels in raw]).tolist() == [i % 3 for i in range(22)]
    images, labels = next(batches(str(shards), "val", 5, augmentation=Augmentation(40)))
    assert (images.dtype, images.shape) == (torch.float32, (5, 3, 40, 40))
    assert (labels.dtype, labels.shape) == (torch.int64, (5,))


def test_it_is_the_one_function_of_its_package():
    assert data.__all__ == ["Augmentation", "Distortions", "batches"]
    page = (EXAMPLES.parent / "data.md").read_text()
    for name in inspect.signature(batches).parameters:
        assert f"`{name}`" in page


@pytest.mark.parametrize("package", ["torchvision", "timm"])
def test_the_examples_run(package, shards):
    pytest.importorskip(package)
    script = EXAMPLES / f"train_{package}.py"
    assert len(script.read_text().splitlines()) <= 36
    command = [sys.executable, str(script), str(shards), "64", "1"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 0, result.stderr
    assert "of 7 right" in result.stdout
