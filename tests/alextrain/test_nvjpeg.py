"""Decoding on the GPU: the same samples in the same order, other pixels, and what is refused.

Without a GPU torchvision's decoder for the CPU stands in for nvJPEG: only the pixels are others.
"""

import os

import numpy as np
import pytest
import torch

from alexprep.errors import ShardError
from alexprep.shards.reader import ShardReader
from alextrain.data.cache import open_loader
from alextrain.data.loader import Loader
from alextrain.data.nvjpeg import NvjpegLoader
from alextrain.data.order import epoch_order
from alextrain.errors import DeviceError

from .small_shards import encode, picture, write_set

CPU = torch.device("cpu")
LEVELS = 2  # between the libjpeg of torchvision and that of simplejpeg; 0 where they are the same
NVJPEG_LEVELS = 64  # an error in the order or the layout is far beyond


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    shards = [[encode(picture(10 * i + j, 24)) for j in range(7)] for i in range(3)]
    return write_set(tmp_path_factory.mktemp("shards"), {"train": shards}, 24)


@pytest.fixture
def reader(folder):
    with_files = ShardReader(folder, "train")
    yield with_files
    with_files.close()


def differences(reader, device, most):
    """Check the batches of an epoch against those of the exact loader; yield their differences."""
    numbers = epoch_order(0, 0, reader.shard_sizes)
    exact, other = Loader(reader, 4, 1), NvjpegLoader(reader, 4, device, threads=3)
    found = 0
    for expected, batch in zip(exact.batches(numbers), other.batches(numbers), strict=True):
        assert torch.equal(batch.labels.cpu(), expected.labels)
        assert batch.labels.device == batch.images.device
        assert batch.images.device.type == device.type
        assert (batch.images.shape, batch.images.dtype) == (expected.images.shape, torch.uint8)
        assert batch.images.is_contiguous()
        between = batch.images.cpu().int() - expected.images.int()
        assert between.abs().max() <= most
        found += 1
    assert found == 6  # 21 images by 4
    assert other.wait_seconds > 0
    exact.close()
    other.close()


def test_the_same_samples_come_in_the_same_order_with_nearly_the_same_pixels(reader):
    differences(reader, CPU, LEVELS)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_gives_the_same_samples_with_nearly_the_same_pixels(reader):
    differences(reader, torch.device("cuda"), NVJPEG_LEVELS)
    loader, place = open_loader(reader, 4, torch.device("cuda"), decode="cuda")
    assert (type(loader), place) == (NvjpegLoader, "nvjpeg")
    loader.close()


def test_a_process_without_a_sample_gets_an_empty_batch(reader):
    loader = NvjpegLoader(reader, 4, CPU, threads=1)
    parts = [np.array([3]), np.empty(0, np.int64), np.array([5, 6])]
    assert [batch.images.shape for batch in loader.parts(parts)] == [
        (1, 24, 24, 3),
        (0, 24, 24, 3),
        (2, 24, 24, 3),
    ]
    loader.close()


def damaged(folder, change):
    """A reader of a set whose sample 5 was changed in place, its size kept."""
    reader = ShardReader(write_set(folder, {"train": [DAMAGED_SET]}, 24), "train")
    with (folder / "train-000000.tar").open("r+b") as file:
        offset, size = int(reader.index.offsets[5]), int(reader.index.sizes[5])
        data = os.pread(file.fileno(), size, offset)
        os.pwrite(file.fileno(), change(data), offset)
    return reader


DAMAGED_SET = [encode(picture(j, 24)) for j in range(8)]


@pytest.mark.parametrize(
    "change",
    [
        lambda data: bytes(len(data)),
        lambda data: encode(picture(1, 8)).ljust(len(data), b"\0")[: len(data)],
    ],
    ids=["no JPEG", "another size"],
)
def test_a_sample_that_cannot_be_decoded_is_named(tmp_path, change):
    loader = NvjpegLoader(damaged(tmp_path / "set", change), 4, CPU, threads=1)
    batches = loader.batches(np.arange(8))
    assert len(next(batches).labels) == 4
    with pytest.raises(ShardError, match=r"train-000000\.tar, sample n00000003/train_5: .*verify"):
        next(batches)
    loader.close()


def test_what_only_nvjpeg_cannot_decode_names_the_way_out(reader, monkeypatch):
    loader = NvjpegLoader(reader, 4, CPU, threads=1)

    def fail(encoded, device):
        raise RuntimeError("Error while decoding JPEG images: 4\nat line 12")

    monkeypatch.setattr("alextrain.data.nvjpeg._decode_jpegs", fail)
    with pytest.raises(
        ShardError, match=r"nvJPEG fails \(Error while .*: 4\) .* use --decode cpu$"
    ):
        next(loader.batches(np.arange(4)))
    with pytest.raises(DeviceError, match=r"cannot decode on cpu \(Error .*\); use --decode cpu"):
        NvjpegLoader(reader, 4, CPU, threads=1)
    loader.close()


def test_leaving_an_epoch_early_ends_its_threads(reader):
    loader = NvjpegLoader(reader, 2, CPU, threads=2)
    batches = loader.batches(np.arange(21))
    next(batches)
    batches.close()
    loader.close()
    with pytest.raises(RuntimeError, match="shutdown"):
        next(loader.batches(np.arange(2)))


def test_without_a_gpu_it_is_refused(reader):
    with pytest.raises(DeviceError, match="--decode cuda needs a CUDA GPU, and the network is on"):
        open_loader(reader, 4, CPU, decode="cuda")


@pytest.mark.parametrize("cache", ["ram", "device"])
def test_with_a_cache_it_is_refused(reader, cache):
    with pytest.raises(DeviceError, match=f"and --cache {cache} decodes once and exactly; leave"):
        open_loader(reader, 4, torch.device("cuda"), cache=cache, decode="cuda")


def test_png_shards_are_refused(tmp_path):
    shards = [[encode(picture(i, 16), "png") for i in range(3)]]
    reader = ShardReader(write_set(tmp_path, {"train": shards}, 16, "png"), "train")
    with pytest.raises(DeviceError, match=r"decodes JPEG, and .* holds PNG; use --decode cpu"):
        NvjpegLoader(reader, 4, CPU, threads=1)
