"""The recipe `cifar10` from torchvision's files to a network, on a small set in their format."""

import hashlib
import json
import pickle

import numpy as np
import pytest
from click.testing import CliRunner

from alexprep.cli import main as alexprep
from alexprep.raw import torchvision_sets
from alextrain.cli import main as alextrain

datasets = pytest.importorskip("torchvision.datasets")
NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
BATCHES = {"data_batch_1": 60, "data_batch_2": 60, "test_batch": 30}  # of 10,000 in the true set


def batch(images):
    """A file of CIFAR-10: planes [n, 3072] and labels; each class has a colour of its own."""
    draw = np.random.default_rng(images)
    labels = draw.permutation(np.arange(images) % len(NAMES))
    colours = np.random.default_rng(0).integers(30, 226, (len(NAMES), 3, 1))
    planes = colours[labels] + draw.integers(-30, 30, (images, 3, 1024))
    data = planes.astype(np.uint8).reshape(images, 3072)
    return pickle.dumps({"data": data, "labels": labels.tolist()})


@pytest.fixture
def cifar(tmp_path, monkeypatch):
    """A folder as torchvision keeps it, with torchvision's table of MD5s patched."""
    kind = datasets.CIFAR10
    folder = tmp_path / "sets" / kind.base_folder
    folder.mkdir(parents=True)
    sums = {}
    files = {name: batch(images) for name, images in BATCHES.items()}
    for name, data in (files | {"batches.meta": pickle.dumps({"label_names": NAMES})}).items():
        (folder / name).write_bytes(data)
        sums[name] = hashlib.md5(data, usedforsecurity=False).hexdigest()
    train, test = [[list(item) for item in sums.items() if word in item[0]]
                   for word in ("data_batch", "test_batch")]  # fmt: skip
    monkeypatch.setattr(kind, "train_list", train)
    monkeypatch.setattr(kind, "test_list", test)
    monkeypatch.setattr(kind, "meta", dict(kind.meta, md5=sums["batches.meta"]))
    torchvision_sets.load.cache_clear()
    yield tmp_path / "sets"
    torchvision_sets.load.cache_clear()


def run(program, *arguments):
    result = CliRunner().invoke(program, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_cifar10_goes_from_torchvisions_files_to_a_network_that_has_learned(cifar, tmp_path):
    shards, folder = tmp_path / "shards", tmp_path / "run"
    layout = ("--layout", "torchvision:CIFAR10", "--size", 32, "--format", "png")
    run(alexprep, "shard", cifar, shards, *layout, "--stats", "--jobs", 1)
    few = ("--epochs", 6, "--batch-size", 20, "--set", "warmup_steps=6", "--width", 0.1)
    said = run(alextrain, "fit", shards, "--recipe", "cifar10", *few, "--device", "cpu",
               "--run", folder)  # fmt: skip
    assert "120 images to train on, 30 to validate on (val), 10 classes, size 32" in said
    found = json.loads(
        run(alextrain, "eval", folder / "best.pt", shards, "--device", "cpu", "--json")
    )
    assert found["images"] == 30
    assert found["top1_error"] < 0.5  # guessing: 0.9
