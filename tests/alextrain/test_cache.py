import numpy as np
import pytest
import torch

from alexprep.shards.reader import ShardReader
from alextrain.data import cache as cache_module
from alextrain.data.cache import DeviceLoader, choose, free_in_ram, free_on_device, open_loader
from alextrain.data.loader import Loader
from alextrain.data.order import epoch_order
from alextrain.errors import DeviceError
from tests.alextrain.small_shards import encode, picture, write_set

GB = 10**9
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    shards = [[encode(picture(10 * i + j, 24)) for j in range(7)] for i in range(3)]
    return ShardReader(write_set(tmp_path_factory.mktemp("shards"), {"train": shards}, 24), "train")


def all_of(loader, numbers):
    batches = list(loader.batches(numbers))
    loader.close()
    return [(batch.images.cpu(), batch.labels.cpu()) for batch in batches]


@pytest.mark.parametrize("cache", ["ram", "auto", "off"])
def test_a_cache_gives_the_same_batches(reader, cache):
    numbers = epoch_order(0, 0, reader.shard_sizes)
    plain = all_of(open_loader(reader, 4, CPU, cache="off")[0], numbers)
    cached = all_of(open_loader(reader, 4, CPU, cache=cache)[0], numbers)
    assert [len(labels) for _, labels in plain] == [4, 4, 4, 4, 4, 1]
    for (images, labels), (other, other_labels) in zip(plain, cached, strict=True):
        assert torch.equal(images, other)
        assert torch.equal(labels, other_labels)


def test_a_split_on_the_device_gives_the_same_batches(reader):
    # The gathering is the same on the CPU as on a GPU.
    numbers = epoch_order(0, 0, reader.shard_sizes)
    plain = all_of(open_loader(reader, 4, CPU, cache="off")[0], numbers)
    ((whole, _),) = all_of(open_loader(reader, 21, CPU, cache="off")[0], np.arange(21))
    placed = all_of(DeviceLoader(whole, reader.labels, 4), numbers)
    for (images, labels), (other, other_labels) in zip(plain, placed, strict=True):
        assert torch.equal(images, other)
        assert torch.equal(labels, other_labels)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("cache", ["device", "ram"])
def test_a_cache_for_a_gpu_gives_the_same_batches(reader, cache):
    numbers = epoch_order(0, 0, reader.shard_sizes)
    plain = all_of(open_loader(reader, 4, CPU, cache="off")[0], numbers)
    loader, place = open_loader(reader, 4, torch.device("cuda"), cache=cache)
    assert place == cache
    for (images, labels), (other, other_labels) in zip(plain, all_of(loader, numbers), strict=True):
        assert torch.equal(images, other)
        assert torch.equal(labels, other_labels)


def test_a_cache_needs_the_shards_no_more(reader, tmp_path):
    folder = write_set(tmp_path, {"train": [[encode(picture(0, 24))]]}, 24)
    own = ShardReader(folder, "train")
    loader, _ = open_loader(own, 4, CPU, cache="ram")
    own.close()
    (folder / "train-000000.tar").unlink()
    (batch,) = loader.batches(np.zeros(3, np.int64))
    assert len(batch.labels) == 3
    loader.close()


def test_filling_the_cache_is_reported_once_for_each_image(reader):
    heard = []
    loader, place = open_loader(reader, 4, CPU, cache="ram", on_decoded=heard.append)
    loader.close()
    assert place == "ram"
    assert sum(heard) == len(reader)


def test_without_a_cache_nothing_is_decoded_before_it_is_asked_for(reader):
    heard = []
    loader, place = open_loader(reader, 4, CPU, cache="off", on_decoded=heard.append)
    assert place == "off"
    assert isinstance(loader, Loader)
    assert heard == []
    loader.close()


@pytest.mark.parametrize(
    ("need", "on_device", "in_ram", "place"),
    [
        (10 * GB, 100 * GB, 100 * GB, "device"),
        (10 * GB, 15 * GB, 100 * GB, "ram"),  # half of the GPU stays free for training
        (10 * GB, None, 100 * GB, "ram"),
        (10 * GB, None, 15 * GB, "off"),
        (10 * GB, 0, 15 * GB, "off"),
        (10 * GB, None, None, "off"),
    ],
)
def test_auto_takes_the_fastest_place_with_room_to_spare(need, on_device, in_ram, place):
    assert choose("auto", need, on_device, in_ram) == place


def test_what_is_asked_for_is_taken_where_it_fits():
    assert choose("device", 10 * GB, 15 * GB, 1) == "device"
    assert choose("ram", 10 * GB, None, 15 * GB) == "ram"
    assert choose("ram", 10 * GB, None, None) == "ram"  # the system does not say; the user does
    assert choose("off", 1, 100 * GB, 100 * GB) == "off"


@pytest.mark.parametrize(
    ("cache", "on_device", "in_ram", "words"),
    [
        ("device", None, 99 * GB, "--cache device needs a CUDA GPU; use --cache ram"),
        ("device", 11 * GB, 99 * GB, "takes 10.0 GB and 11.0 GB are free"),
        ("ram", 99 * GB, 11 * GB, "--cache ram: the decoded split takes 10.0 GB and 11.0 GB"),
        ("disk", 99 * GB, 99 * GB, "--cache 'disk' is unknown; choose auto, device, ram, off"),
    ],
)
def test_what_does_not_fit_is_refused_with_both_sizes(cache, on_device, in_ram, words):
    with pytest.raises(DeviceError, match=words):
        choose(cache, 10 * GB, on_device, in_ram)


def test_a_split_too_large_for_the_memory_is_refused_before_decoding(reader, monkeypatch):
    monkeypatch.setattr(cache_module, "free_in_ram", lambda: 2 * GB)
    with pytest.raises(DeviceError, match=r"takes 0\.0 GB and 2\.0 GB are free"):
        open_loader(reader, 4, CPU, cache="ram")
    loader, place = open_loader(reader, 4, CPU, cache="auto")
    loader.close()
    assert place == "ram"  # 36 kB fit into half of 2 GB


def test_free_memory_is_asked_of_the_system():
    assert free_on_device(CPU) is None
    free = free_in_ram()
    assert free is None or 0 < free < 10**15


def test_a_container_limit_counts_as_well(monkeypatch):
    values = {"/sys/fs/cgroup/memory.max": 5000, "/sys/fs/cgroup/memory.current": 2000}
    monkeypatch.setattr(cache_module, "_number", values.get)
    assert free_in_ram() == 3000
    monkeypatch.setattr(cache_module, "_number", {}.get)
    assert free_in_ram() != 3000
