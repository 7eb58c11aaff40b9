"""Write small sets of shards for the tests of loading, through the contract alone."""

import hashlib
import io

import numpy as np
from PIL import Image

from alexprep.files import sha256_file
from alexprep.settings import PrepSettings
from alexprep.shards.index import Index, index_name
from alexprep.shards.manifest import Manifest, ShardRecord
from alexprep.shards.tar import write_shard

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


def write_set(folder, splits, size=32, extension="jpg"):
    """Write a finished set of shards.

    `splits` maps a split to the encoded images of each of its shards; sample i has label i % 3.
    """
    folder.mkdir(parents=True, exist_ok=True)
    records, hashes = [], {}
    for split, shards in splits.items():
        placed, number = [], 0
        for i, images in enumerate(shards):
            samples = []
            for image in images:
                label = number % len(CLASSES)
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
