"""What a network sees in pictures: the outputs of an inner layer, with keys and labels, in a file.

An .npz file holds `features` float32 [n, d], `labels` int32 [n], `keys` (bytes) and `about` (JSON);
Parquet the same as columns. Both are written batch by batch, so that a million rows of 4096 numbers
need no memory.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from alexprep.files import atomic_file
from alexprep.shards.npz import load_arrays
from alexprep.shards.reader import ShardReader
from alextrain.data.loader import Loader
from alextrain.errors import FeaturesError
from alextrain.parquet import parquet_file, read_parquet
from alextrain.training.checkpoint import content_digest
from alextrain.training.gradients import autocast
from alextrain.use.network import Network

LAYERS = ("pool5", "fc6", "fc7")
BATCH = 128

Sink = Callable[[NDArray[np.float32], NDArray[np.int64], list[str]], object]


@dataclass(frozen=True)
class Features:
    """A file of features in memory, row by row in the order of the split."""

    features: NDArray[np.float32]  # [n, d]
    labels: NDArray[np.int32]  # [n]
    keys: list[str]
    about: dict[str, Any]  # layer, network (SHA-256 of its weights), shards, split, classes, words


def inner_layer(model: nn.Module, layer: str) -> nn.Module:
    """Return the module whose output is the layer's: after the ReLU, as the paper's Figure 4."""
    assert layer in LAYERS, layer
    if layer == "pool5":  # what fc6 sees
        return model.get_submodule("features")
    return model.get_submodule(f"classifier.relu{layer[-1]}")


def features_of(network: Network, images: Tensor, layer: str) -> Tensor:
    """Return a layer's output for the centre view, float32 [n, d].

    Args:
        network: In evaluation mode.
        images: uint8 [n, S, S, 3] on its device.
        layer: One of LAYERS.
    """
    kept: list[Tensor] = []
    handle = inner_layer(network.model, layer).register_forward_hook(
        lambda _module, _given, output: kept.append(output.flatten(1).float())
    )
    try:
        with torch.inference_mode(), autocast(network.machine):
            for view in network.augmenter.views(images, 1):
                network.model(view)
    finally:
        handle.remove()
    return kept[0]


def extract(
    network: Network,
    reader: ShardReader,
    layer: str,
    *,
    workers: int | None = None,
    on_images: Callable[[int, int], object] | None = None,
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
    """Yield features [b, d] and labels [b] of a split, batch by batch, in its order.

    Args:
        network: Whose layer it is. The shards may have other classes, not another image size.
        reader: The split.
        layer: One of LAYERS.
        workers: Threads that decode; None: chosen for the machine.
        on_images: Hears (images done, images in all).

    Raises:
        FeaturesError: the shards have images of another size.
    """
    if reader.size != network.settings.size:
        raise FeaturesError(
            f"{reader.folder}: has images of {reader.size} pixels, {network.source} was trained on "
            f"{network.settings.size}; prepare them with --size {network.settings.size}"
        )
    device, done = network.machine.device, 0
    loader = Loader(reader, BATCH, threads=workers, pin=device.type == "cuda")
    try:
        for batch in loader.batches(np.arange(len(reader))):
            images = batch.images.to(device, non_blocking=True)
            yield features_of(network, images, layer).cpu().numpy(), batch.labels.numpy()
            done += len(batch.labels)
            if on_images is not None:
                on_images(done, len(reader))
    finally:
        loader.close()


def save_features(
    path: Path, network: Network, reader: ShardReader, layer: str, **options: Any
) -> tuple[int, int]:
    """Extract a split's features into a file; see `extract` for the options.

    Args:
        path: Ends in .npz or .parquet.
        network: Whose layer it is.
        reader: The split.
        layer: One of LAYERS.
        options: As for `extract`.

    Returns:
        Rows and numbers in a row.

    Raises:
        FeaturesError: another suffix, or images of another size.
        PackageError: Parquet without pyarrow.
        DiskError: the disk is full or may not be written.
    """
    if path.suffix not in (".npz", ".parquet"):
        raise FeaturesError(f"{path}: ends neither in .npz nor in .parquet; name such a file")
    batches = extract(network, reader, layer, **options)
    features, labels = next(batches)
    length, row = features.shape[1], 0
    about = _about(network, reader, layer)
    opened = _npz if path.suffix == ".npz" else _parquet
    with opened(path, len(reader), length, about) as add:
        while True:
            add(features, labels, [reader.key(row + i) for i in range(len(labels))])
            row += len(labels)
            following = next(batches, None)
            if following is None:
                return row, length
            features, labels = following


def load_features(path: Path) -> Features:
    """Read a file of features.

    Raises:
        FeaturesError: missing, damaged, or not of ours.
    """
    try:
        if path.suffix == ".parquet":
            columns, metadata = read_parquet(path)
            arrays = columns["features"], columns["labels"]
            return _checked(*arrays, columns["keys"], json.loads(metadata["about"]))
        found = load_arrays(path, ("features", "labels", "keys", "about"))
        keys = found["keys"].astype("S").tolist()
        about = json.loads(str(found["about"]))
        arrays = found["features"], found["labels"]
        return _checked(*arrays, [key.decode() for key in keys], about)
    except FileNotFoundError as error:
        raise FeaturesError(
            f"{path}: no such file; make it with `alextrain features CHECKPOINT SHARDS`"
        ) from error
    except (ValueError, KeyError) as error:
        raise FeaturesError(
            f"{path}: is damaged or holds no features ({error}); make it again with "
            "`alextrain features`"
        ) from error


def _checked(features: Any, labels: Any, keys: Any, about: Any) -> Features:
    """Return the parts of a file as what they must be.

    Raises:
        ValueError: they are not; the text is the reason.
    """
    if not isinstance(about, dict) or not {"network", "classes", "words"} <= set(about):
        raise ValueError("it does not say which network made it, for which classes")
    if about.get("layer") not in LAYERS:
        raise ValueError(f"layer {about.get('layer')!r}, expected one of {', '.join(LAYERS)}")
    count, known = len(keys), min(len(about["classes"]), len(about["words"]))
    if features.dtype != np.float32 or features.ndim != 2 or len(features) != count:
        raise ValueError(
            f"features {features.dtype} {features.shape}, expected float32 [{count}, d]"
        )
    if labels.dtype.kind != "i" or labels.shape != (count,):
        raise ValueError(f"labels {labels.dtype} {labels.shape}, expected int32 [{count}]")
    if count and not (labels.min() >= 0 and labels.max() < known):
        raise ValueError(f"labels from {labels.min()} to {labels.max()}, but {known} classes")
    return Features(features, labels, keys, about)


def network_digest(network: Network) -> str:
    """Return the SHA-256 of a network's weights."""
    return content_digest(dict(network.model.state_dict()))


def _about(network: Network, reader: ShardReader, layer: str) -> dict[str, Any]:
    manifest = reader.manifest
    return {
        "layer": layer,
        "network": network_digest(network),
        "shards": manifest.fingerprint,
        "split": reader.split,
        "classes": list(manifest.classes),
        "words": list(manifest.words),
    }


@contextmanager
def _npz(path: Path, rows: int, length: int, about: dict[str, Any]) -> Iterator[Sink]:
    labels: list[NDArray[np.int64]] = []
    keys: list[str] = []
    with atomic_file(path) as file, zipfile.ZipFile(file, "w") as archive:
        with archive.open(zipfile.ZipInfo("features.npy"), "w", force_zip64=True) as member:
            header = {"descr": "<f4", "fortran_order": False, "shape": (rows, length)}
            np.lib.format.write_array_header_1_0(member, header)

            def add(
                features: NDArray[np.float32], some: NDArray[np.int64], names: list[str]
            ) -> None:
                member.write(np.ascontiguousarray(features, "<f4").data)
                labels.append(some)
                keys.extend(names)

            yield add
        for name, array in (
            ("labels", np.concatenate(labels).astype("<i4")),
            ("keys", np.array([key.encode() for key in keys])),
            ("about", np.array(json.dumps(about))),
        ):
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), buffer.getvalue())


@contextmanager
def _parquet(path: Path, rows: int, length: int, about: dict[str, Any]) -> Iterator[Sink]:
    columns = [("keys", "string", 0), ("labels", "int32", 0), ("features", "float32", length)]
    metadata = {"about": json.dumps(about), "rows": str(rows)}
    with parquet_file(path, columns, metadata) as write:
        yield lambda features, labels, keys: write(
            {"keys": keys, "labels": labels.astype(np.int32), "features": features}
        )
