import os
import signal
import subprocess
import sys
import time
from itertools import pairwise

import numpy as np
import pytest
import torch

from alexprep.errors import ShardError
from alexprep.shards.reader import ShardReader
from alexprep.threads import usable_cores
from alextrain.data.ahead import Batch
from alextrain.data.decode import decode_into
from alextrain.data.draws import Augmentation, draw_batch
from alextrain.data.loader import Loader, decoding_threads
from alextrain.data.order import epoch_order
from alextrain.data.transfer import to_device
from tests.alextrain.small_shards import encode, picture, write_set

SHARDS = (9, 10, 9, 10)


@pytest.fixture(scope="module")
def jpegs():
    return [encode(picture(i, 32)) for i in range(sum(SHARDS))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, jpegs):
    edges = np.cumsum((0, *SHARDS))
    shards = [jpegs[a:b] for a, b in pairwise(edges)]
    return write_set(tmp_path_factory.mktemp("shards"), {"train": shards})


@pytest.fixture
def reader(folder):
    with_files = ShardReader(folder, "train")
    yield with_files
    with_files.close()


def expected(jpegs, numbers):
    images = np.empty((len(numbers), 32, 32, 3), np.uint8)
    for image, number in zip(images, numbers, strict=True):
        decode_into(jpegs[number], image)
    return torch.from_numpy(images)


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("batch_size", [1, 7, 38, 100])
@pytest.mark.parametrize("ahead", [0, 1, 4])
def test_threads_and_batch_size_change_nothing(reader, jpegs, threads, batch_size, ahead):
    numbers = epoch_order(1, 0, reader.shard_sizes)
    loader = Loader(reader, batch_size, threads, ahead)
    batches = list(loader.batches(numbers))
    loader.close()
    assert [len(batch.labels) for batch in batches[:-1]] == [batch_size] * (len(batches) - 1)
    assert torch.equal(torch.cat([b.images for b in batches]), expected(jpegs, numbers))
    assert torch.cat([b.labels for b in batches]).tolist() == (numbers % 3).tolist()


def test_png_shards_load_losslessly(tmp_path):
    images = [picture(i, 16) for i in range(5)]
    shards = [[encode(image, "png") for image in images]]
    reader = ShardReader(write_set(tmp_path, {"val": shards}, 16, "png"), "val")
    (batch,) = Loader(reader, 8, 1).batches(np.arange(5))
    assert np.array_equal(batch.images.numpy(), np.stack(images))


def test_types_and_shapes_are_those_promised(reader):
    loader = Loader(reader, 4, 1)
    batch = next(loader.batches(np.arange(10)))
    loader.close()
    assert (batch.images.dtype, batch.images.shape) == (torch.uint8, (4, 32, 32, 3))
    assert (batch.labels.dtype, batch.labels.shape) == (torch.int64, (4,))


@pytest.mark.parametrize("seen", [0, 1, 16, 37, 38])
def test_an_epoch_goes_on_after_the_samples_seen_as_if_never_stopped(reader, seen):
    numbers = epoch_order(4, 2, reader.shard_sizes)
    loader = Loader(reader, 8, 2)
    whole = torch.cat([batch.images for batch in loader.batches(numbers)])
    rest = [batch.images for batch in loader.batches(epoch_order(4, 2, reader.shard_sizes)[seen:])]
    loader.close()
    assert torch.equal(torch.cat([whole[:seen], *rest]), whole)


def test_no_samples_give_no_batches(reader):
    assert list(Loader(reader, 8, 1).batches(np.empty(0, np.int64))) == []


def test_one_loader_serves_two_epochs_at_once(reader, jpegs):
    loader = Loader(reader, 5, 2)
    forth, back = np.arange(38), np.arange(37, -1, -1)
    pairs = list(zip(loader.batches(forth), loader.batches(back), strict=True))
    loader.close()
    assert torch.equal(torch.cat([a.images for a, _ in pairs]), expected(jpegs, forth))
    assert torch.equal(torch.cat([b.images for _, b in pairs]), expected(jpegs, back))


class TestErrors:
    def test_a_damaged_sample_is_named_with_its_shard(self, tmp_path, jpegs):
        broken = [jpegs[0], jpegs[1], jpegs[2][: len(jpegs[2]) // 2], jpegs[3]]
        reader = ShardReader(write_set(tmp_path, {"train": [broken]}), "train")
        loader = Loader(reader, 2, 2)
        batches = loader.batches(np.arange(4))
        assert next(batches).labels.tolist() == [0, 1]  # what comes before is whole
        named = r"train-000000.tar, sample n00000003/train_2: damaged JPEG: .*alexprep verify"
        with pytest.raises(ShardError, match=named):
            next(batches)
        loader.close()

    def test_a_sample_of_another_size_is_named(self, tmp_path, jpegs):
        images = [[jpegs[0], encode(picture(0, 40))]]
        reader = ShardReader(write_set(tmp_path, {"train": images}), "train")
        with pytest.raises(ShardError, match="sample n00000002/train_1: 40x40 pixels instead of"):
            list(Loader(reader, 2, 1).batches(np.arange(2)))

    def test_a_shard_cut_while_training_is_named(self, tmp_path, jpegs):
        folder = write_set(tmp_path, {"train": [jpegs[:10]]})
        loader = Loader(ShardReader(folder, "train"), 4, 2)
        os.truncate(folder / "train-000000.tar", 2000)
        with pytest.raises(ShardError, match=r"train-000000.tar, sample .*cannot be read"):
            list(loader.batches(np.arange(10)))
        loader.close()

    def test_the_first_error_in_the_order_of_samples_is_shown(self, tmp_path, jpegs):
        images = [jpegs[0], b"text", jpegs[1], b"text"] * 5
        reader = ShardReader(write_set(tmp_path, {"train": [images]}), "train")
        for _ in range(5):
            loader = Loader(reader, 20, 4)
            with pytest.raises(ShardError, match="sample n00000002/train_1:"):
                list(loader.batches(np.arange(20)))
            loader.close()


def test_ctrl_c_ends_the_process_at_once(folder):
    code = (
        "import sys, numpy as np; from pathlib import Path;"
        "from alexprep.shards.reader import ShardReader;"
        "from alextrain.data.loader import Loader;"
        f"reader = ShardReader(Path({str(folder)!r}), 'train');"
        "numbers = np.zeros(50_000_000, np.int64); print('ready', flush=True);"
        "[None for _ in Loader(reader, 64, 2).batches(numbers)]"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout.readline() == b"ready\n"
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == -signal.SIGINT
    assert errors.rstrip().endswith(b"KeyboardInterrupt")


def test_threads_are_as_many_as_the_cores_but_few_beside_a_net_on_the_cpu():
    assert decoding_threads(gpu=True) == min(16, usable_cores())
    assert 1 <= decoding_threads(gpu=False) <= 2


def test_transfer_to_the_cpu_changes_and_copies_nothing():
    batch = Batch(torch.zeros(2, 4, 4, 3, dtype=torch.uint8), torch.zeros(2, dtype=torch.int64))
    draws = draw_batch(Augmentation(3), 4, 0, 0, 0, 2)
    images, labels, moved = to_device(batch, draws, torch.device("cpu"))
    assert images.data_ptr() == batch.images.data_ptr()
    assert labels.data_ptr() == batch.labels.data_ptr()
    assert torch.equal(moved.table, draws.table)
    assert to_device(batch, None, torch.device("cpu"))[2] is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_transfer_to_the_gpu_brings_the_same_numbers(reader, jpegs):
    device = torch.device("cuda")
    loader = Loader(reader, 5, 2, pin=True)
    numbers = np.tile(np.arange(38), 20)
    moved = []
    for i, batch in enumerate(loader.batches(numbers)):
        draws = draw_batch(Augmentation(20), 32, 0, 0, 5 * i, len(batch.labels))
        images, labels, on_device = to_device(batch, draws, device)
        moved.append(images)
        assert torch.equal(on_device.table.cpu(), draws.table)
        assert torch.equal(labels.cpu(), batch.labels)
    loader.close()
    assert torch.equal(torch.cat(moved).cpu(), expected(jpegs, numbers))
