import numpy as np
import pytest
from PIL import Image

from alexprep.errors import DiskError, ShardError
from alexprep.figures import draw_eigenbasis, draw_mean_image, draw_preview
from alexprep.measuring.measure import measure
from alexprep.shards.manifest import Manifest
from alexprep.shards.statistics import Statistics
from alexprep.tables import AUTHORS_AXES, AUTHORS_AXES_STD, manifest_table, statistics_table

from .shardsets import write_shards


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def holds_colour(path, colour, pixel_count):
    near = np.abs(pixels(path) - colour).max(axis=-1) <= 2
    return near.sum() >= pixel_count


def flat(*colours):
    """One image of 16x16 for each colour."""
    return np.stack([np.full((16, 16, 3), colour, np.uint8) for colour in colours])


def statistics_of(covariance, mean, pixel_count=256 * 256):
    """Statistics with a given covariance, to whole levels."""
    covariance = np.asarray(covariance, float)
    outer = np.round((covariance + np.outer(mean, mean)) * pixel_count).astype(np.int64)
    image = np.broadcast_to(np.asarray(mean, np.int64), (256, 256, 3))
    return Statistics(1, image, outer, "0" * 64, "train")


def test_the_mean_image_is_drawn_in_its_own_colour(tmp_path):
    shards = write_shards(tmp_path / "shards", {"train": flat((200, 40, 90), (100, 60, 110))})
    draw_mean_image(measure(shards), tmp_path / "new" / "mean.png")
    assert holds_colour(tmp_path / "new/mean.png", (150, 50, 100), 50_000)


def test_the_eigenbasis_shows_the_colours_along_its_axes(tmp_path):
    # all of the variance is red: 50 levels; two deviations up from (100, 110, 120) is (200, ...)
    statistics = statistics_of(np.diag([2500.0, 0, 0]), (100, 110, 120))
    draw_eigenbasis(statistics, tmp_path / "basis.png")
    for red in (100 - 50, 100, 100 + 50, 200):
        assert holds_colour(tmp_path / "basis.png", (red, 110, 120), 50)


def test_the_same_picture_is_the_same_bytes(tmp_path):
    statistics = statistics_of(np.diag([900.0, 400, 100]), (100, 110, 120))
    for name in ("a.png", "b.png"):
        draw_eigenbasis(statistics, tmp_path / name)
    drawn = (tmp_path / "a.png").read_bytes()
    assert drawn == (tmp_path / "b.png").read_bytes()
    assert b"atplotlib" not in drawn  # else another version of it would be other bytes


def test_the_preview_shows_every_image_of_a_small_split(tmp_path):
    colours = [(250, 0, 0), (0, 250, 0), (0, 0, 250), (250, 250, 0)]
    shards = write_shards(tmp_path / "shards", {"train": flat(*colours)})
    assert draw_preview(shards, tmp_path / "grid.png", "train", 40) == 4
    for colour in colours:
        assert holds_colour(tmp_path / "grid.png", colour, 10_000)


def test_the_preview_shows_no_more_than_asked(tmp_path):
    shards = write_shards(tmp_path / "shards", {"val": flat((250, 0, 0), (0, 250, 0))})
    assert draw_preview(shards, tmp_path / "grid.png", "val", 1) == 1
    assert not holds_colour(tmp_path / "grid.png", (0, 250, 0), 1)


def test_the_preview_of_no_such_split_is_refused(tmp_path):
    shards = write_shards(tmp_path / "shards", {"val": flat((1, 2, 3))})
    with pytest.raises(ShardError, match="has no split 'train'"):
        draw_preview(shards, tmp_path / "grid.png")


def test_a_picture_that_cannot_be_written_is_an_error_of_its_path(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    statistics = statistics_of(np.diag([900.0, 400, 100]), (100, 110, 120))
    with pytest.raises(DiskError, match=r"mean\.png: cannot be written"):
        draw_mean_image(statistics, tmp_path / "file" / "mean.png")


def test_the_authors_numbers_beside_themselves_agree(shared_data):
    with np.load(shared_data / "krizhevsky_meta.npz") as meta:
        stds, vectors = meta["color_pca_0_stdevs"][::-1], meta["color_pca_1_vecs"][:, ::-1]
        mean = meta["data_mean_chw"].mean(axis=(1, 2))
    assert np.array_equal(AUTHORS_AXES_STD, stds)
    assert np.abs((AUTHORS_AXES * vectors).sum(axis=0)) == pytest.approx([1, 1, 1], abs=1e-9)
    table = statistics_table(statistics_of(vectors @ np.diag(stds**2) @ vectors.T, mean.round()))
    rows = {line[:32].strip(): line[32:].split() for line in table.splitlines()[3:]}
    assert rows["mean R G B"][:6] == ["127.00", "120.00", "105.00", "127.31", "119.72", "104.91"]
    assert rows["mean R G B"][6:] == ["123.67", "116.28", "103.53"]
    assert rows["std along colour axes 1 2 3"][:6] == ["121.78", "37.09", "19.72"] * 2
    assert rows["std R G B"][:6] == ["74.00", "72.00", "77.04"] * 2
    assert rows["|cosine| of axes with these"][:3] == ["1.0000"] * 3
    # fb.resnet's are variances of levels / 255
    assert rows["variance along axes, levels/255"][3:] == (
        ["0.2281", "0.0212", "0.0060", "0.2175", "0.0188", "0.0045"]
    )


def test_the_table_of_a_set_names_what_decides_its_bytes(tmp_path):
    shards = write_shards(tmp_path / "shards", {"train": flat(*[(1, 2, 3)] * 7)})
    manifest = Manifest.load(shards)
    table = manifest_table(manifest)
    for text in ("16x16", "torchvision", "bilinear", "PNG", "pillow test", manifest.fingerprint):
        assert text in table
    assert table.splitlines()[2].split()[:3] == ["train", "7", "3"]
