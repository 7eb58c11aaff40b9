"""A small set with all that is made of it, for each test to spoil."""

import shutil

import pytest

from alexprep.cli import main as alexprep
from tests.conftest import jpeg_bytes, smooth_image

from .commands import fit, run, shard


@pytest.fixture(scope="package")
def prepared(tmp_path_factory):
    """A raw set of two classes, its shards and statistics, and a run on them."""
    top = tmp_path_factory.mktemp("prepared")
    for split, count in (("train", 6), ("val", 2)):
        for name in ("cat", "dog"):
            folder = top / "raw" / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                (folder / f"{i}.jpg").write_bytes(jpeg_bytes(smooth_image(i, 90, 80)))
    shard(top / "raw", top / "shards")
    run(alexprep, "stats", top / "shards", status=0)
    fit(top / "shards", top / "run")
    return top


@pytest.fixture
def copy(prepared, tmp_path):
    shutil.copytree(prepared, tmp_path / "copy")
    return tmp_path / "copy"
