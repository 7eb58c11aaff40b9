"""Fixtures that all tests share."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

settings.register_profile("unhurried", deadline=None)  # a loaded machine is no failure
settings.load_profile("unhurried")

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared_data():
    """The folder of real images beside the project; tests that need it skip where it is missing."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real images (../shared/data) are not here")
    return folder


def smooth_image(seed, width, height):
    """A generated RGB picture [height, width, 3] uint8: smooth colours, so that JPEG keeps it."""
    draw = np.random.default_rng(seed)
    coarse = draw.integers(0, 256, (4, 5, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def jpeg_bytes(array, quality=90):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


@pytest.fixture
def raw_folder(tmp_path):
    """A raw set of generated images: 3 classes, 8 train and 4 val images each, sizes vary."""
    raw = tmp_path / "raw"
    for split, count in (("train", 8), ("val", 4)):
        for label in range(3):
            folder = raw / split / f"n0000000{label + 1}"
            folder.mkdir(parents=True)
            for i in range(count):
                seed = 1000 * label + 10 * i + (split == "val")
                array = smooth_image(seed, 60 + 7 * i, 50 + 11 * (i % 3))
                (folder / f"{folder.name}_{i}.JPEG").write_bytes(jpeg_bytes(array))
    return raw
