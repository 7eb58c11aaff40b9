"""A large set of shards, made of a few prepared images: for measuring loading and training."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from alexprep.files import sha256_file
from alexprep.images.transform import prepare
from alexprep.settings import PrepSettings
from alexprep.shards.index import Index, index_name
from alexprep.shards.manifest import Manifest, ShardRecord
from alexprep.shards.tar import Placed, write_shard

SHARD = 2000  # samples


def prepared(originals: Sequence[bytes], size: int = 256) -> list[bytes]:
    """Prepare raw images as `alexprep shard` does with its defaults."""
    settings = PrepSettings(size=size)
    return [prepare(data, settings)[0] for data in originals]


def write_copies(images: Sequence[bytes], folder: Path, count: int, size: int = 256) -> Path:
    """Write a train split of `count` samples, the images in turn; image i has label i.

    Args:
        images: Encoded JPEGs of `size` x `size` pixels.
        folder: Made anew.
        count: Samples.
        size: Height and width of the images.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    classes = tuple(f"n{label:08d}" for label in range(len(images)))
    records: list[ShardRecord] = []
    placed: list[list[Placed]] = []
    hashes = [hashlib.sha256(image).hexdigest() for image in images]
    numbers = iter(range(count))
    while batch := list(islice(numbers, SHARD)):
        path = folder / f"train-{len(records):06d}.tar"
        placed.append(_write(path, images, batch, classes))
        records.append(
            ShardRecord(path.name, "train", len(batch), path.stat().st_size, sha256_file(path))
        )
    labels = [number % len(images) for number in range(count)]
    index = Index.build(placed, [len(images[i]) for i in labels], [hashes[i] for i in labels])
    index.save(folder / index_name("train"))
    manifest = Manifest(
        settings=PrepSettings(size=size),
        codec={"pillow": "copies for a benchmark"},
        layout="copies",
        label_order="wnid",
        classes=classes,
        words=classes,
        shards=tuple(records),
        index_sha256={"train": sha256_file(folder / index_name("train"))},
    )
    manifest.save(folder)
    return folder


def _write(
    path: Path, images: Sequence[bytes], numbers: Sequence[int], classes: Sequence[str]
) -> list[Placed]:
    samples = []
    for number in numbers:
        label = number % len(images)
        samples.append((f"{classes[label]}/{number}", label, images[label]))
    with path.open("wb", buffering=0) as file:
        return write_shard(file, samples, "jpg")
