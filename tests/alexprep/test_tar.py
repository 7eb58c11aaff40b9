import io
import os
import tarfile

import pytest

from alexprep.errors import ShardError
from alexprep.shards.tar import BLOCK, read_image, read_shard, write_shard

SAMPLES = [
    ("n01/a", 3, b"x" * 700),
    ("n01/b", 12, b"y" * 512),
    ("n02/c%2Ejpg", 0, b""),
    ("n02/" + "d" * 86, 999, b"z" * 5000),
]


@pytest.fixture
def shard(tmp_path):
    path = tmp_path / "train-000000.tar"
    with path.open("wb", buffering=0) as file:
        placed = write_shard(file, SAMPLES, "jpg")
    return path, placed


def test_reading_gives_back_what_was_written(shard):
    path, placed = shard
    found = list(read_shard(path, "jpg"))
    assert [place for place, _ in found] == placed
    assert [(place.key, place.label, image) for place, image in found] == SAMPLES


def test_images_are_found_by_their_place(shard):
    path, placed = shard
    fd = os.open(path, os.O_RDONLY)
    assert [read_image(fd, place.offset, place.size) for place in placed] == [s[2] for s in SAMPLES]
    with pytest.raises(ShardError, match="inside an image"):
        read_image(fd, placed[-1].offset, 1 << 20)
    os.close(fd)


def test_the_standard_library_writes_the_same_bytes(shard):
    """Our header is that of tarfile in USTAR form: owner, time and names as stated."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for key, label, image in SAMPLES:
            for name, data in ((f"{key}.jpg", image), (f"{key}.cls", b"%d" % label)):
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    theirs, ours = buffer.getvalue(), shard[0].read_bytes()
    assert theirs[: len(ours)] == ours  # tarfile pads the end to 20 blocks
    assert not any(theirs[len(ours) :])


def test_every_cut_is_noticed(shard):
    """A tar cut at a member's border ends without an error elsewhere; here no cut passes."""
    path, _ = shard
    whole = path.read_bytes()
    for size in range(0, len(whole), 100):
        path.write_bytes(whole[:size])
        with pytest.raises(ShardError, match=path.name):
            list(read_shard(path, "jpg"))


def test_every_changed_header_byte_is_noticed(shard):
    path, placed = shard
    whole = path.read_bytes()
    for at in range(placed[1].offset - BLOCK, placed[1].offset):
        changed = bytearray(whole)
        changed[at] ^= 0x40
        path.write_bytes(changed)
        with pytest.raises(ShardError):
            list(read_shard(path, "jpg"))


def test_an_image_without_its_label_is_refused(tmp_path):
    path = tmp_path / "half.tar"
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("n01/a.jpg"))
    with pytest.raises(ShardError, match="a pair of jpg and cls was expected"):
        list(read_shard(path, "jpg"))


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # it leaves files open
def test_webdataset_reads_the_shard(shard):
    wds = pytest.importorskip("webdataset")
    samples = list(wds.WebDataset(str(shard[0]), shardshuffle=False))
    assert [(s["__key__"], int(s["cls"]), s["jpg"]) for s in samples] == SAMPLES
