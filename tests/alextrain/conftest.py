"""Fixtures that the tests of training share."""

import numpy as np
import pytest
import torch

from .augmented import COUNT, SIZE
from .small_shards import write_trainable


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
