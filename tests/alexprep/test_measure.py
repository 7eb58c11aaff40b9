import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from alexprep.building.build import build
from alexprep.errors import ShardError
from alexprep.files import sha256_file
from alexprep.measuring.measure import measure
from alexprep.planning.plan import make_plan
from alexprep.raw.detect import open_raw
from alexprep.settings import PrepSettings
from alexprep.shards.manifest import Manifest
from alexprep.shards.reader import ShardReader
from alexprep.shards.statistics import STATISTICS, Statistics

from .shardsets import noise, write_shards

TRAIN, VAL = noise(0, 10, 24), noise(1, 4, 24)


@pytest.fixture
def shards(tmp_path):
    return write_shards(tmp_path / "shards", {"train": TRAIN, "val": VAL})


def test_statistics_are_those_of_the_images(shards):
    found = measure(shards)
    pixels = TRAIN.reshape(-1, 3).astype(np.float64)
    assert (found.count, found.split) == (10, "train")
    assert found.fingerprint == Manifest.load(shards).fingerprint
    assert np.array_equal(found.pixel_sum, TRAIN.sum(axis=0, dtype=np.int64))
    assert found.channel_mean == pytest.approx(pixels.mean(axis=0), rel=1e-12)
    assert found.channel_std == pytest.approx(pixels.std(axis=0), rel=1e-12)
    assert found.covariance == pytest.approx(np.cov(pixels.T, bias=True), rel=1e-12)
    values = np.linalg.eigvalsh(np.cov(pixels.T, bias=True))[::-1]
    assert found.eigenvalues == pytest.approx(values, rel=1e-12)
    assert np.array_equal(found.mean_image, TRAIN.mean(axis=0).astype(np.float32))


def test_they_are_measured_from_the_stored_bytes_not_from_the_originals(tmp_path):
    shards = write_shards(tmp_path / "jpeg", {"train": TRAIN}, "jpg")
    reader = ShardReader(shards, "train")
    stored = np.stack(
        [np.asarray(Image.open(io.BytesIO(reader.read(i)))) for i in range(len(reader))]
    )
    assert not np.array_equal(stored, TRAIN)
    assert np.array_equal(measure(shards).pixel_sum, stored.sum(axis=0, dtype=np.int64))


@pytest.mark.parametrize("jobs", [1, 3])
def test_any_number_of_jobs_gives_the_same_file(shards, jobs):
    measure(shards, jobs=2).save(shards / STATISTICS)
    before = sha256_file(shards / STATISTICS)
    measure(shards, jobs=jobs).save(shards / STATISTICS)
    assert sha256_file(shards / STATISTICS) == before


def test_splits_are_measured_together_and_each_once(shards):
    both = measure(shards, ["train", "val", "train"])
    expected = TRAIN.sum(axis=0, dtype=np.int64) + VAL.sum(axis=0, dtype=np.int64)
    assert (both.count, both.split) == (14, "train+val")
    assert np.array_equal(both.pixel_sum, expected)


def test_progress_adds_up_to_the_images(shards):
    heard = []
    measure(shards, jobs=2, on_progress=heard.append)
    assert sum(heard) == 10
    assert all(count > 0 for count in heard)


def test_a_changed_byte_is_refused_by_the_name_of_the_shard(shards):
    path = shards / "train-000002.tar"
    data = bytearray(path.read_bytes())
    data[1] ^= 1  # in the header of a member, which decoding does not see
    path.write_bytes(data)
    with pytest.raises(ShardError, match=r"train-000002.tar: was changed .*alexprep verify"):
        measure(shards)


def test_an_image_that_does_not_decode_is_named(shards):
    reader = ShardReader(shards, "train")
    path = shards / "train-000001.tar"
    data = bytearray(path.read_bytes())
    offset = int(reader.index.offsets[4])
    data[offset : offset + 40] = bytes(40)
    path.write_bytes(data)
    with pytest.raises(ShardError, match=r"train-000001.tar, sample n00000002/train_4: does not"):
        measure(shards)


def test_an_image_of_another_size_is_refused(tmp_path):
    shards = write_shards(tmp_path / "shards", {"train": TRAIN})
    manifest = Manifest.load(shards)
    replace(manifest, settings=replace(manifest.settings, size=16)).save(shards)
    with pytest.raises(ShardError, match=r"is 24x24, not 16x16"):
        measure(shards)


def test_shards_without_the_split_are_refused(tmp_path):
    shards = write_shards(tmp_path / "shards", {"val": VAL})
    with pytest.raises(ShardError, match="has no split 'train'; it has val"):
        measure(shards)


def test_a_changed_manifest_is_refused(shards):
    path = shards / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b"kit fox", b"red fox"))
    with pytest.raises(ShardError, match="was changed after it was written"):
        measure(shards)


def test_statistics_of_changed_shards_are_told_apart(shards, tmp_path):
    measure(shards).save(shards / STATISTICS)
    other = write_shards(tmp_path / "other", {"train": VAL})
    fingerprint = Manifest.load(other).fingerprint
    with pytest.raises(Exception, match="belongs to other shards"):
        Statistics.load(shards / STATISTICS, fingerprint)


def test_real_images_have_the_colour_axes_that_the_authors_found(shared_data, tmp_path):
    raw = open_raw(shared_data / "imagenet-originals.tar")
    build(make_plan(raw, PrepSettings()), tmp_path / "shards", jobs=1)
    found = measure(tmp_path / "shards")
    with np.load(shared_data / "krizhevsky_meta.npz") as meta:
        axes = meta["color_pca_1_vecs"][:, ::-1]
        stds = meta["color_pca_0_stdevs"][::-1]
        mean = meta["data_mean_chw"].transpose(1, 2, 0)
    assert found.count == 220
    cosines = np.abs((found.eigenvectors * axes).sum(axis=0))
    assert (cosines > 0.999).all()
    assert np.sqrt(found.eigenvalues) == pytest.approx(stds, rel=0.25)
    assert np.sqrt(np.square(found.mean_image - mean).mean()) < 6
