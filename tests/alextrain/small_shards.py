"""Write small sets of shards for the tests of loading, through the contract alone."""

import hashlib
import io

import numpy as np
from PIL import Image

from alexprep.files import sha256_file
from alexprep.settings import PrepSettings
from alexprep.shards.index import Index, index_name
from alexprep.shards.manifest import Manifest, ShardRecord
from alexprep.shards.reader import ShardReader
from alexprep.shards.statistics import Statistics
from alexprep.shards.tar import write_shard
from alextrain.data.decode import decode_into

SIZE = 72  # of the sets that are trained on
CLASSES = ("n00000001", "n00000002", "n00000003")


def picture(number, size):
    """A generated RGB picture uint8 [size, size, 3], another one for each number."""
    draw = np.random.default_rng(number)
    coarse = draw.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC))


def encode(array, extension="jpg"):
    buffer = io.BytesIO()
    kind = {"jpg": "JPEG", "png": "PNG"}[extension]
    Image.fromarray(array).save(buffer, kind, quality=95)
    return buffer.getvalue()


def write_set(folder, splits, size=32, extension="jpg", label_of=lambda i: i % len(CLASSES)):
    """Write a finished set of shards.

    `splits` maps a split to the encoded images of each of its shards; a sample's label is its
    number modulo 3, or as given.
    """
    folder.mkdir(parents=True, exist_ok=True)
    records, hashes = [], {}
    for split, shards in splits.items():
        placed, number = [], 0
        for i, images in enumerate(shards):
            samples = []
            for image in images:
                label = label_of(number)
                samples.append((f"{CLASSES[label]}/{split}_{number}", label, image))
                number += 1
            path = folder / f"{split}-{i:06d}.tar"
            with path.open("wb", buffering=0) as file:
                placed.append(write_shard(file, samples, extension))
            size_on_disk, sha = path.stat().st_size, sha256_file(path)
            records.append(ShardRecord(path.name, split, len(samples), size_on_disk, sha))
        flat = [image for images in shards for image in images]
        index = Index.build(
            placed, [len(x) for x in flat], [hashlib.sha256(x).hexdigest() for x in flat]
        )
        index.save(folder / index_name(split))
        hashes[split] = sha256_file(folder / index_name(split))
    settings = PrepSettings(size=size, format=extension)
    codec = {"pillow": "generated"}
    Manifest(settings, codec, "generated", "wnid", CLASSES, CLASSES, tuple(records), hashes).save(
        folder
    )
    return folder


def write_statistics(folder):
    reader = ShardReader(folder, "train")
    images = np.empty((len(reader), SIZE, SIZE, 3), np.uint8)
    for i in range(len(reader)):
        decode_into(reader.read(i), images[i])
    wide = images.astype(np.int64)
    flat = wide.reshape(-1, 3)
    fingerprint = Manifest.load(folder).fingerprint
    statistics = Statistics(len(images), wide.sum(0), flat.T @ flat, fingerprint, "train")
    statistics.save(folder / "stats.npz")


def write_trainable(folder):
    """22 train images in two shards, 7 val images: ragged for any batch of 5."""
    images = [encode(picture(i, SIZE)) for i in range(29)]
    write_set(folder, {"train": [images[:12], images[12:22]], "val": [images[22:]]}, size=SIZE)
    write_statistics(folder)
    return folder
