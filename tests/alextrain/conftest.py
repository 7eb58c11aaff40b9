"""Fixtures that the tests of training share."""

import numpy as np
import pytest
import torch

from .augmented import COUNT, SIZE
from .small_shards import write_trainable
from .small_tars import write_tar


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """22 train images in two shards, 7 val images; they stay as they are."""
    return write_trainable(tmp_path_factory.mktemp("shards"))


@pytest.fixture(scope="module")
def images():
    """Generated images uint8 [n, S, S, 3] of noise."""
    draw = np.random.default_rng(0)
    return torch.from_numpy(draw.integers(0, 256, (COUNT, SIZE, SIZE, 3), dtype=np.uint8))


@pytest.fixture(scope="module")
def mean_image():
    """A mean image float32 [S, S, 3], levels."""
    return np.random.default_rng(1).uniform(90, 140, (SIZE, SIZE, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def tars(tmp_path_factory):
    """22 images in three tars, one beside what is not for us; val.tar lies beside the folder."""
    folder = tmp_path_factory.mktemp("tars")
    write_tar(folder / "t-000.tar", range(9))
    write_tar(folder / "t-001.tar", range(9, 18), extra=[("pyd", b"boom"), ("pickle", b"boom")])
    write_tar(folder / "t-002.tar", range(18, 22))
    write_tar(folder.parent / "val.tar", range(30, 37))
    return folder


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Where tars from a server are copied to: nothing lies there yet."""
    monkeypatch.setenv("ALEXKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "tars"
