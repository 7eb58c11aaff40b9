"""Inner layers as files: whose outputs, in which order, and what is near to what."""

import json
import tracemalloc
from collections import UserList

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from alexprep.shards.reader import ShardReader
from alextrain.cli import main
from alextrain.device import choose_machine
from alextrain.errors import FeaturesError
from alextrain.use import features as module
from alextrain.use.features import LAYERS, extract, features_of, load_features, save_features
from alextrain.use.neighbours import Neighbours, nearest
from alextrain.use.network import Network
from alextrain.use.pictures import Picture
from alextrain.use.probe import probe
from tests.alextrain.small_shards import SIZE, encode, picture, write_set


@pytest.fixture
def train(shards):
    return ShardReader(shards, "train")


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
def test_a_file_holds_each_image_once_in_order(
    network, train, tmp_path, monkeypatch, layer, suffix
):
    monkeypatch.setattr(module, "BATCH", 10)  # 26 images: a ragged end
    path = tmp_path / f"x{suffix}"
    rows, length = save_features(path, network, train, layer)
    found = load_features(path)
    assert (rows, length) == found.features.shape == (26, found.features.shape[1])
    assert found.keys == train.index.keys()
    assert np.array_equal(found.labels, train.labels)
    assert found.about["layer"] == layer
    assert found.about["classes"] == list(train.manifest.classes)
    whole = np.concatenate([x for x, _ in extract(network, train, layer)])
    assert np.allclose(found.features, whole, atol=1e-5)


class Rows(UserList):
    """A split of many images, none of which is read."""

    def __init__(self, count):
        super().__init__([None] * count)


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
def test_rows_are_not_gathered_in_memory(network, train, tmp_path, monkeypatch, suffix):
    def most(count):
        length, rows = 4096, np.zeros(100, np.int64)
        batches = ((np.ones((100, length), np.float32), rows) for _ in range(count))
        monkeypatch.setattr(module, "extract", lambda *_, **__: batches)
        split = Rows(count * 100)
        split.manifest, split.split, split.key = train.manifest, "train", str
        tracemalloc.start()
        module.save_features(tmp_path / f"x{suffix}", network, split, "fc7")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    most(1)
    few, many = most(10), most(30)
    assert many - few < 3_000_000  # 33 MB of features more


def test_layers_are_what_follows_them_sees(any_checkpoint):
    network = Network.load(any_checkpoint, choose_machine("cpu"))
    images = torch.from_numpy(np.stack([picture(i, SIZE) for i in range(3)]))
    [view] = network.augmenter.views(images, 1)
    with torch.inference_mode():
        five = network.model.features(view).flatten(1)
        layers = dict(network.model.classifier.named_children())
        six = layers["relu6"](layers["fc6"](five))
        seven = layers["relu7"](layers["fc7"](six))
        logits = layers["fc8"](seven)
        assert torch.equal(logits, network.model(view))
    for layer, expected in zip(LAYERS, (five, six, seven), strict=True):
        assert torch.equal(features_of(network, images, layer), expected)


def test_numpy_reads_the_file_without_us(network, train, tmp_path):
    save_features(tmp_path / "x.npz", network, train, "fc7")
    with np.load(tmp_path / "x.npz") as arrays:
        assert arrays["features"].dtype == np.float32
        assert arrays["keys"][3].decode() == train.key(3)


def test_nearest_is_exact_whatever_the_parts(monkeypatch):
    draw = np.random.default_rng(1)
    known = draw.normal(1000, 1, (50, 8)).astype(np.float32)  # far from 0: small differences
    known[7] = known[3]
    queries = torch.from_numpy(known[3:5] + np.float32(0.25))
    exact = np.linalg.norm(known[None].astype(np.float64) - queries.numpy()[:, None], axis=2)
    for rows in (7, 64):
        monkeypatch.setattr("alextrain.use.neighbours.ROWS", rows)
        distances, found = nearest(known, queries, 6)
        assert np.allclose(distances, np.sort(exact, 1)[:, :6], rtol=1e-4)
        assert np.allclose(np.take_along_axis(exact, found.numpy(), 1), distances, rtol=1e-4)
    assert nearest(known, queries, 99)[0].shape == (2, 50)


def run(*arguments):
    command = [str(argument) for argument in arguments]
    return CliRunner().invoke(main, [command[0], *command[1:], "--device", "cpu"])


def test_an_image_of_the_set_is_its_own_nearest_neighbour(checkpoint, shards, tmp_path):
    path = tmp_path / "fc7.npz"
    result = run("features", checkpoint, shards, "--out", path)
    assert f"{path}: 26 images of train, 205 numbers each (fc7)" in result.output
    photo = tmp_path / "x.jpg"
    reader = ShardReader(shards, "train")
    photo.write_bytes(reader.read(5))
    result = run("neighbours", path, photo, "--checkpoint", checkpoint, "--top", 3, "--json")
    found = json.loads(result.output)["neighbours"]
    assert len(found) == 3
    assert found[0]["key"] == reader.key(5)
    assert found[0]["distance"] == pytest.approx(0, abs=1e-3)
    assert [row["distance"] for row in found] == sorted(row["distance"] for row in found)
    lines = run("neighbours", path, photo, "--checkpoint", checkpoint).output.splitlines()
    assert len(lines) == 7
    assert reader.key(5) in lines[1]


@pytest.mark.parametrize("name", ["stats.npz", "index-train.npz"])
def test_what_the_shards_need_is_not_written_over(checkpoint, shards, name):
    before = (shards / name).read_bytes()
    result = run("features", checkpoint, shards, "--out", shards / name)
    assert result.exit_code == 2
    assert "is an input and would be lost" in result.output
    assert (shards / name).read_bytes() == before


def test_features_of_another_network_are_refused(checkpoint, any_checkpoint, shards, tmp_path):
    run("features", checkpoint, shards, "--out", tmp_path / "x.npz")
    result = run("neighbours", tmp_path / "x.npz", "x.jpg", "--checkpoint", any_checkpoint)
    assert result.exit_code == 1
    assert "was made by another network" in result.output


@pytest.mark.parametrize("name", ["x.npz", "x.parquet"])
def test_what_is_no_file_of_features_is_said(tmp_path, name):
    with pytest.raises(FeaturesError, match="no such file"):
        load_features(tmp_path / name)
    (tmp_path / name).write_bytes(b"something else")
    with pytest.raises(FeaturesError, match="is damaged or holds no features"):
        load_features(tmp_path / name)


@pytest.mark.parametrize(
    ("part", "change", "reason"),
    [
        ("about", lambda _: np.array("[]"), "does not say which network"),
        ("about", lambda _: np.array('{"network": ""}'), "does not say which network"),
        ("about", lambda a: np.array(str(a).replace("fc7", "conv9")), "layer 'conv9'"),
        ("labels", lambda labels: labels + 9, "but 3 classes"),
        ("labels", lambda labels: labels[:3], "labels int32 .3,."),
        ("keys", lambda keys: keys[:3], "features float32 .26, 205., expected float32 .3, d."),
        ("features", lambda rows: rows.astype("U9"), "features <U9"),
        ("features", lambda rows: rows[0], "features float32 .205,."),
    ],
)
def test_a_file_whose_parts_do_not_fit_is_said(network, train, tmp_path, part, change, reason):
    path = tmp_path / "x.npz"
    save_features(path, network, train, "fc7")
    arrays = dict(np.load(path))
    np.savez(path, **arrays | {part: change(arrays[part])})
    with pytest.raises(FeaturesError, match=reason):
        load_features(path)


def test_rows_of_another_length_are_refused(network, train, tmp_path):
    path = tmp_path / "x.npz"
    save_features(path, network, train, "fc7")
    arrays = dict(np.load(path))
    np.savez(path, **arrays | {"features": arrays["features"][:, :9]})
    with pytest.raises(FeaturesError, match="has rows of 9 numbers, this network gives 205"):
        Neighbours(network, path).of(Picture("x", lambda: train.read(0)), 1)


def test_parquet_is_looked_up_without_a_warning(network, train, tmp_path):
    path = tmp_path / "x.parquet"  # whose arrays may not be written to
    save_features(path, network, train, "fc7")
    [found] = Neighbours(network, path).of(Picture("x", lambda: train.read(4)), 1)
    assert found.row == 4


def test_other_image_sizes_and_suffixes_are_refused(network, train, tmp_path):
    small = write_set(tmp_path / "small", {"train": [[encode(picture(1, 32))]]}, size=32)
    with pytest.raises(FeaturesError, match="has images of 32 pixels"):
        next(extract(network, ShardReader(small, "train"), "fc7"))
    with pytest.raises(FeaturesError, match=r"ends neither in \.npz nor in \.parquet"):
        save_features(tmp_path / "x.csv", network, train, "fc7")


def clusters(seed, count, spread):
    """Rows of three classes around three far points; a column that never changes."""
    draw = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    x = 100 * np.eye(3, 6)[labels] + draw.normal(0, spread, (count, 6))
    x[:, 5] = 7
    return x.astype(np.float32), labels


def test_a_probe_separates_what_can_be_separated_and_counts_the_rest():
    found = probe("fc7", clusters(1, 60, 5), clusters(2, 30, 5))
    assert (found.top1_wrong, found.images, found.top_k) == (0, 30, 3)
    x, y = clusters(2, 30, 5)
    assert probe("fc7", clusters(1, 60, 5), (x, (y + 1) % 3)).top1_wrong == 30
    with pytest.raises(FeaturesError, match="one class only"):
        probe("fc7", (x, y * 0), (x, y))


@pytest.mark.parametrize("count", [3, 4])
def test_a_probe_of_few_rows_holds_none_out(count):
    assert probe("fc7", clusters(1, count, 1), clusters(2, 9, 1)).images == 9


def test_the_probe_learns_other_classes_of_the_same_size(checkpoint, tmp_path):
    images = [encode(picture(i % 3, SIZE)) for i in range(30)]
    other = write_set(tmp_path / "other", {"train": [images], "val": [images[:6]]}, size=SIZE)
    result = run("probe", checkpoint, other, "--layer", "fc6", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    assert (found["top1_wrong"], found["images"], found["trained_on"]) == (0, 6, 30)
    text = run("probe", checkpoint, other).output
    assert text.startswith("val: linear classifier on fc7: top-1 error 0.00%")
