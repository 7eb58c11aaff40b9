"""Run as a program of its own by tests: read SHARDS as another project does.

python tests/alexprep/readers.py READER SHARDS CACHE

Prints a JSON list of [split, key, label, SHA-256 of the pixels]; what others leave open, and warn
of, ends with this process.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np

SPLITS = ("train", "val")


def digest(image):
    return hashlib.sha256(np.asarray(image).tobytes()).hexdigest()


def by_webdataset(shards, split, _cache):
    import webdataset

    urls = [str(path) for path in sorted(shards.glob(f"{split}-*.tar"))]
    for sample in webdataset.WebDataset(urls, shardshuffle=False).decode("rgb8"):
        yield sample["__key__"], sample["cls"], digest(sample["jpg"])


def by_timm(shards, split, _cache):
    from timm.data import create_dataset

    data = create_dataset(f"wds/{shards}", root=str(shards), split=split, is_training=False)
    found = [(None, label, digest(image)) for image, label in data]
    assert len(found) == len(data)  # which it has from _info.json
    yield from found


def by_datasets(shards, split, cache):
    from datasets import load_dataset

    files = {split: [str(path) for path in sorted(shards.glob(f"{split}-*.tar"))]}
    data = load_dataset("webdataset", data_files=files, split=split, cache_dir=str(cache))
    for row in data:
        yield row["__key__"], row["cls"], digest(row["jpg"])


READERS = {"webdataset": by_webdataset, "timm": by_timm, "datasets": by_datasets}


def main():
    reader, shards, cache = READERS[sys.argv[1]], Path(sys.argv[2]), Path(sys.argv[3])
    found = [[split, *sample] for split in SPLITS for sample in reader(shards, split, cache)]
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
