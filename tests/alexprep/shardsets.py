"""Sets of shards made of given arrays, for tests of what reads shards."""

import hashlib
import io

import numpy as np
from PIL import Image

from alexprep.files import sha256_file
from alexprep.settings import PrepSettings
from alexprep.shards.index import Index, index_name
from alexprep.shards.manifest import Manifest, ShardRecord
from alexprep.shards.tar import write_shard

CODEC = {"pillow": "test"}
CLASSES = ("n00000001", "n00000002", "n00000003")
WORDS = ("kit fox, Vulpes macrotis", "soup bowl", "a very long name of a class without an end")


def encode(array, extension):
    buffer = io.BytesIO()
    options = {"quality": 95} if extension == "jpg" else {}
    Image.fromarray(array).save(buffer, {"jpg": "JPEG", "png": "PNG"}[extension], **options)
    return buffer.getvalue()


def noise(seed, count, size):
    """Random images, uint8 [count, size, size, 3], of different lightness."""
    draw = np.random.default_rng(seed)
    tops = draw.integers(50, 256, (count, 1, 1, 1))
    return (draw.random((count, size, size, 3)) * tops).astype(np.uint8)


def write_shards(folder, splits, extension="png", shard_size=3):
    """Write a finished set; `splits` maps a name to uint8 [n, S, S, 3]. PNG keeps every level."""
    folder.mkdir()
    records, hashes, size = [], {}, 8
    for split, images in splits.items():
        placed, size = [], images.shape[1]
        for first in range(0, len(images), shard_size):
            name = f"{split}-{first // shard_size:06d}.tar"
            part = range(first, min(first + shard_size, len(images)))
            samples = [
                (f"{CLASSES[i % 3]}/{split}_{i}", i % 3, encode(images[i], extension)) for i in part
            ]
            with (folder / name).open("wb", buffering=0) as file:
                placed.append(write_shard(file, samples, extension))
            path = folder / name
            sizes = (path.stat().st_size, sha256_file(path))
            records.append(ShardRecord(name, split, len(part), *sizes))
        zeros = [hashlib.sha256(b"").hexdigest()] * len(images)
        index = Index.build(placed, [1] * len(images), zeros)
        index.save(folder / index_name(split))
        hashes[split] = sha256_file(folder / index_name(split))
    settings = PrepSettings(size=size, format=extension)
    Manifest(settings, CODEC, "folders", "wnid", CLASSES, WORDS, tuple(records), hashes).save(
        folder
    )
    return folder
