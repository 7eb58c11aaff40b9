import numpy as np
import pytest

from alexprep.errors import StatisticsError
from alexprep.shards.statistics import Statistics


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3), dtype=np.uint8)


def summed(images, fingerprint="f" * 64):
    wide = images.astype(np.int64)
    flat = wide.reshape(-1, 3)
    return Statistics(len(images), wide.sum(0), flat.T @ flat, fingerprint, "train")


def test_derived_values_equal_numpy_in_float64(images):
    statistics, flat = summed(images), images.reshape(-1, 3).astype(np.float64)
    assert statistics.channel_mean == pytest.approx(flat.mean(0), rel=1e-14)
    assert statistics.channel_std == pytest.approx(flat.std(0), rel=1e-12)
    assert np.allclose(statistics.covariance, np.cov(flat.T, bias=True), rtol=1e-12, atol=1e-9)
    assert np.array_equal(
        statistics.mean_image, images.mean(0, dtype=np.float64).astype(np.float32)
    )


def test_the_eigenbasis_rebuilds_the_covariance(images):
    statistics = summed(images)
    values, axes = statistics.eigenvalues, statistics.eigenvectors
    assert np.allclose(axes @ np.diag(values) @ axes.T, statistics.covariance)
    assert (np.diff(values) <= 0).all()
    assert (axes[np.abs(axes).argmax(0), range(3)] > 0).all()


def test_a_huge_count_keeps_its_digits():
    """ImageNet's sums pass 2^53: float64 alone would lose the covariance's last digits."""
    flat = np.full((4, 8, 8, 3), 200, np.uint8)
    flat[0, 0, 0] = 201
    one = summed(flat)
    many = Statistics(4 * 10**7, one.pixel_sum * 10**7, one.outer_sum * 10**7, "f", "train")
    assert many.covariance == pytest.approx(one.covariance, rel=1e-15)


def test_saving_is_byte_for_byte_and_read_back(images, tmp_path):
    statistics = summed(images)
    statistics.save(tmp_path / "a.npz")
    statistics.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    again = Statistics.load(tmp_path / "a.npz", "f" * 64)
    assert again.count == 6
    assert np.array_equal(again.pixel_sum, statistics.pixel_sum)
    assert np.array_equal(again.eigenvectors, statistics.eigenvectors)


def test_statistics_of_other_shards_are_refused_with_both_fingerprints(images, tmp_path):
    summed(images).save(tmp_path / "stats.npz")
    with pytest.raises(StatisticsError, match=r"fingerprint ffff.*; these have 0000"):
        Statistics.load(tmp_path / "stats.npz", "0" * 64)


def test_missing_and_damaged_statistics_name_the_command(images, tmp_path):
    path = tmp_path / "stats.npz"
    with pytest.raises(StatisticsError, match="is missing; make it with `alexprep stats"):
        Statistics.load(path)
    summed(images).save(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(StatisticsError, match="is damaged"):
        Statistics.load(path)


@pytest.mark.parametrize(
    "change",
    [
        {"count": np.array(np.nan)},
        {"count": np.array("x")},
        {"count": np.array([6, 6])},
        {"pixel_sum": np.full((16, 16, 3), np.nan)},
        {"pixel_sum": np.full((16, 16, 3), "a")},
        {"pixel_sum": np.full((16, 16, 3), -1)},
        {"pixel_sum": np.full((16, 16, 3), 6 * 255 + 1)},
        {"pixel_sum": np.zeros((0, 0, 3), np.int64)},
        {"outer_sum": np.full((3, 3), np.inf)},
        {"outer_sum": np.zeros((3, 3), np.int64)},
        {"split": np.array(["train", "val"])},
    ],
    ids="-".join,
)
def test_sums_that_no_images_have_are_refused(images, tmp_path, change):
    path = tmp_path / "stats.npz"
    summed(images).save(path)
    with np.load(path) as arrays:
        np.savez(path, **{**arrays, **change})
    with pytest.raises(StatisticsError, match="does not hold sums of square RGB images"):
        Statistics.load(path)


def test_a_compressed_file_is_not_unpacked(images, tmp_path):
    path = tmp_path / "stats.npz"
    summed(images).save(path)
    with np.load(path) as arrays:
        np.savez_compressed(path, **arrays)
    with pytest.raises(StatisticsError, match=r"is damaged .count is compressed"):
        Statistics.load(path)
