"""Sets as torchvision keeps them: small ones in the true file format, with its tables patched."""

import functools
import gzip
import hashlib
import http.server
import io
import os
import pickle
import tarfile
import threading

import numpy as np
import pytest

from alexprep.building.build import build
from alexprep.cli import main
from alexprep.errors import RawError
from alexprep.images.decode import decode
from alexprep.planning.plan import make_plan
from alexprep.raw import torchvision_sets
from alexprep.raw.detect import open_raw
from alexprep.raw.source import read_source
from alexprep.settings import PrepSettings
from tests.alexprep.pictures import jpeg
from tests.alexprep.rawsets import write_folders
from tests.alexprep.sets import contents

datasets = pytest.importorskip("torchvision.datasets")
ANIMALS = ["airplane", "automobile", "bird"]


@pytest.fixture(autouse=True)
def _nothing_kept():
    torchvision_sets.load.cache_clear()
    yield
    torchvision_sets.load.cache_clear()


def md5(data):
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def levels(count, *shape):
    return np.random.default_rng(count).integers(0, 256, (count, *shape), np.uint8)


def cifar_files(train=12, test=6):
    """Name -> bytes of CIFAR-10's folder, and the arrays [n, 32, 32, 3] that it holds."""
    files, arrays = {}, {}
    for name, count in (("data_batch_1", train), ("test_batch", test)):
        planes = levels(count, 3, 32, 32)
        arrays[name] = planes.transpose(0, 2, 3, 1)
        labels = [i % 3 for i in range(count)]
        files[name] = pickle.dumps({"data": planes.reshape(count, -1), "labels": labels})
    files["batches.meta"] = pickle.dumps({"label_names": ANIMALS})
    return files, arrays


@pytest.fixture
def cifar(tmp_path, monkeypatch):
    """CIFAR10 on the disk, in torchvision's tables, and as it is downloaded."""
    files, arrays = cifar_files()
    kind = datasets.CIFAR10
    monkeypatch.setattr(kind, "train_list", [["data_batch_1", md5(files["data_batch_1"])]])
    monkeypatch.setattr(kind, "test_list", [["test_batch", md5(files["test_batch"])]])
    meta = dict(kind.meta, md5=md5(files["batches.meta"]))
    monkeypatch.setattr(kind, "meta", meta)
    root = tmp_path / "sets"
    write_folders(root, {f"{kind.base_folder}/{name}": data for name, data in files.items()})
    return root, files, arrays


def idx(array):
    head = bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes()
    return gzip.compress(head + array.tobytes())


def write_mnist(root, monkeypatch, kind, labels=10):
    files, arrays = {}, {}
    for prefix, count in (("train", 12), ("t10k", 6)):
        arrays[prefix] = levels(count, 28, 28)
        files[f"{prefix}-images-idx3-ubyte.gz"] = idx(arrays[prefix])
        files[f"{prefix}-labels-idx1-ubyte.gz"] = idx(np.arange(count, dtype=np.uint8) % labels)
    monkeypatch.setattr(kind, "resources", [(name, md5(data)) for name, data in files.items()])
    write_folders(root / kind.__name__ / "raw", files)
    return files, arrays


def by_number(sources):
    return sorted(sources, key=lambda source: source.place)


def test_cifar10_gives_its_pixels_and_its_own_labels(cifar):
    root, _, arrays = cifar
    raw = open_raw(root, "torchvision:CIFAR10")
    assert raw.layout == "torchvision:CIFAR10"
    for split, name in (("train", "data_batch_1"), ("val", "test_batch")):
        sources = by_number(raw.splits[split])
        for source, pixels in zip(sources, arrays[name], strict=True):
            data = read_source(source)
            assert len(data) == source.size
            assert np.array_equal(np.asarray(decode(data, 10**6).pixels), pixels)
            assert source.class_name == ANIMALS[source.place % 3]
    assert raw.found[-1].endswith("val is what it calls test")


def test_shards_are_those_of_the_same_images_as_ppm_files(cifar, tmp_path):
    root, _, _ = cifar
    raw = open_raw(root, "torchvision:CIFAR10")
    sources = [source for split in raw.splits.values() for source in split]
    write_folders(tmp_path / "ppm", {source.name: read_source(source) for source in sources})
    settings = PrepSettings(size=32, shard_size=5)
    made = []
    for plan in (make_plan(raw, settings), make_plan(open_raw(tmp_path / "ppm"), settings)):
        target = tmp_path / f"shards-{plan.raw[:5]}"
        summary = build(plan, target, 1)
        assert summary.report.outcomes == ()
        assert build(plan, target, 1).written == 0
        assert not (target / ".work").exists()
        made.append({path: h for path, h in contents(target).items() if "manifest" not in path})
    assert made[0] == made[1]


def test_a_file_with_another_md5_is_not_unpickled(cifar, tmp_path):
    root, _, _ = cifar
    harm = tmp_path / "harm"

    class Harm:
        def __reduce__(self):
            return os.mkdir, (str(harm),)

    for file in ("data_batch_1", "test_batch", "batches.meta"):
        path = root / "cifar-10-batches-py" / file
        good = path.read_bytes()
        path.write_bytes(pickle.dumps(Harm()))
        with pytest.raises(RawError, match=rf"{file}: has MD5 .* so it is not opened: remove it"):
            open_raw(root, "torchvision:CIFAR10")
        assert not harm.exists()
        path.unlink()
        with pytest.raises(RawError, match=rf"{file}: is missing; `alexprep download CIFAR10"):
            open_raw(root, "torchvision:CIFAR10")
        path.write_bytes(good)


@pytest.mark.parametrize("name", ["MNIST", "FashionMNIST", "KMNIST"])
def test_the_mnists_are_read_from_their_archives(tmp_path, monkeypatch, name):
    kind = getattr(datasets, name)
    _, arrays = write_mnist(tmp_path, monkeypatch, kind)
    raw = open_raw(tmp_path, f"torchvision:{name}")
    for split, prefix in (("train", "train"), ("val", "t10k")):
        for source, gray in zip(by_number(raw.splits[split]), arrays[prefix], strict=True):
            pixels = np.asarray(decode(read_source(source), 10**6).pixels)
            assert np.array_equal(pixels, np.repeat(gray[..., None], 3, axis=2))
    order = raw.own_order or tuple(sorted({s.class_name for s in raw.splits["train"]}))
    assert [raw.words.get(name, name) for name in order] == kind.classes


def test_a_damaged_archive_of_mnist_is_refused(tmp_path, monkeypatch):
    write_mnist(tmp_path, monkeypatch, datasets.MNIST)
    path = tmp_path / "MNIST" / "raw" / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(RawError, match=r"t10k-labels-idx1-ubyte\.gz: has MD5"):
        open_raw(tmp_path, "torchvision:MNIST")


def test_stl10_is_read_column_by_column_and_its_unlabelled_part_may_be_missing(
    tmp_path, monkeypatch
):
    files, kind = {"class_names.txt": b"cat\ndog\n"}, datasets.STL10
    pixels = {}
    for split, count in (("train", 4), ("test", 2)):
        pixels[split] = levels(count, 96, 96, 3)
        files[f"{split}_X.bin"] = pixels[split].transpose(0, 3, 2, 1).tobytes()
        files[f"{split}_y.bin"] = bytes(i % 2 + 1 for i in range(count))
    for split in ("train", "test"):
        names = [f"{split}_X.bin", f"{split}_y.bin"]
        monkeypatch.setattr(kind, f"{split}_list", [[name, md5(files[name])] for name in names])
    write_folders(tmp_path / kind.base_folder, files)
    raw = open_raw(tmp_path, "torchvision:STL10")
    for split, theirs in (("train", "train"), ("val", "test")):
        for source, expected in zip(by_number(raw.splits[split]), pixels[theirs], strict=True):
            assert np.array_equal(np.asarray(decode(read_source(source), 10**6).pixels), expected)
            assert source.class_name == ("cat", "dog")[source.place % 2]


def test_imagenette_is_its_class_folders_if_its_archive_is_the_right_one(tmp_path, monkeypatch):
    archives = {"160px": ("https://example.org/imagenette2-160.tgz", md5(b"archive"))}
    monkeypatch.setattr(datasets.Imagenette, "_ARCHIVES", archives)
    with pytest.raises(RawError, match=r"no folder imagenette2-160 in it; `alexprep download Imag"):
        open_raw(tmp_path, "torchvision:Imagenette")
    files = {f"imagenette2-160/{split}/n01440764/1.JPEG": jpeg(9, 9) for split in ("train", "val")}
    write_folders(tmp_path, files)
    (tmp_path / "imagenette2-160.tgz").write_bytes(b"archive")
    raw = open_raw(tmp_path, "torchvision:Imagenette")
    assert (raw.layout, list(raw.splits)) == ("torchvision:Imagenette", ["train", "val"])
    (tmp_path / "imagenette2-160.tgz").write_bytes(b"another")
    with pytest.raises(RawError, match=r"imagenette2-160\.tgz: has MD5"):
        open_raw(tmp_path, "torchvision:Imagenette")


@pytest.mark.parametrize(
    ("layout", "reason"),
    [
        ("torchvision:cifar-10", r"none of the sets that are read.*; did you mean CIFAR10\?"),
        ("torchvision:os.system", "none of the sets that are read"),
        ("torchvision", "none of the sets that are read"),
    ],
)
def test_an_unknown_set_is_told_with_those_that_are_known(tmp_path, layout, reason):
    with pytest.raises(RawError, match=reason):
        open_raw(tmp_path, layout)


@pytest.fixture
def server(tmp_path):
    """A server on loopback; yields its folder and its address."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    handler = functools.partial(Handler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        yield folder, f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()
        thread.join()


def tgz(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def test_download_brings_what_shard_then_takes(cifar, server, tmp_path, monkeypatch, invoke):
    _, files, _ = cifar
    folder, address = server
    kind = datasets.CIFAR10
    packed = tgz({f"{kind.base_folder}/{name}": data for name, data in files.items()})
    (folder / kind.filename).write_bytes(packed)
    monkeypatch.setattr(kind, "url", address + kind.filename)
    monkeypatch.setattr(kind, "tgz_md5", md5(packed))
    target = tmp_path / "got"
    output = invoke("download", "CIFAR10", target, status=0)
    assert "train: 12 files of 3 classes" in output
    assert f"Next: alexprep shard {target} SHARDS --layout torchvision:CIFAR10" in output
    shards = tmp_path / "shards"
    invoke(
        "shard", target, shards, "--layout", "torchvision:CIFAR10", "--size", 32, "-j", 1, status=0
    )
    assert "18 images in 2 shards" in invoke(
        "shard", target, shards, "--layout", "torchvision:CIFAR10", "--size", 32, status=0
    )


def test_a_download_that_fails_is_one_sentence(server, tmp_path, monkeypatch, invoke):
    folder, address = server
    kind = datasets.CIFAR10
    monkeypatch.setattr(kind, "url", address + kind.filename)
    output = invoke("download", "CIFAR10", tmp_path / "got", status=1)
    assert "CIFAR10: " in output
    assert "cannot be downloaded (File not found)" in output
    (folder / kind.filename).write_bytes(b"something else")
    output = invoke("download", "CIFAR10", tmp_path / "got", status=1)
    assert "CIFAR10: the download failed" in output
    assert "run the same command again" in output


@pytest.fixture
def invoke():
    from click.testing import CliRunner

    def call(*arguments, status):
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        assert result.exit_code == status, result.output
        assert "Traceback" not in result.output
        return result.output

    return call
