"""A small trained network of each kind and its shards, made once for the tests of its use."""

import pytest

import alextrain
from alextrain.device import choose_machine
from alextrain.use.network import Network
from tests.alextrain.small_runs import fit, recipe
from tests.alextrain.small_shards import SIZE, encode, picture, write_set, write_statistics


@pytest.fixture(scope="session")
def shards(tmp_path_factory):
    """26 train images in two shards, 9 val images, 3 classes, 72 pixels."""
    folder = tmp_path_factory.mktemp("use") / "shards"
    images = [encode(picture(i, SIZE)) for i in range(35)]
    write_set(folder, {"train": [images[:12], images[12:26]], "val": [images[26:]]}, size=SIZE)
    write_statistics(folder)
    return folder


@pytest.fixture(scope="session", params=["quick", "paper", "authors"])
def any_checkpoint(request, shards, tmp_path_factory):
    """The checkpoint of a few steps, of a net with batch norm and of the paper's."""
    folder = tmp_path_factory.mktemp("runs") / request.param
    fit(shards, folder, recipe(request.param, epochs=2))
    return folder / "last.pt"


@pytest.fixture(scope="session")
def checkpoint(shards, tmp_path_factory):
    """A network that has learnt its images somewhat: recipe `quick`, 67 of 72 pixels."""
    folder = tmp_path_factory.mktemp("runs") / "learnt"
    still = {"crops": "centre", "flip": False, "colour": "off", "dropout": 0.0}
    fit(shards, folder, recipe(epochs=12, warmup_steps=5, **still), cache="ram")
    return folder / "last.pt"


@pytest.fixture(scope="session")
def network(checkpoint):
    return Network.load(checkpoint, choose_machine("cpu"))


@pytest.fixture(scope="session")
def predictor(checkpoint):
    return alextrain.load(checkpoint, device="cpu")
