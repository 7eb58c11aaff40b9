"""Fixtures that the tests of training share."""

import pytest

from .small_shards import write_trainable


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """22 train images in two shards, 7 val images; they stay as they are."""
    return write_trainable(tmp_path_factory.mktemp("shards"))
