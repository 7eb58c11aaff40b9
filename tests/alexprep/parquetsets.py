"""Parquet files as Hugging Face's `datasets` writes them."""

import json

import pytest

from tests.alexprep.pictures import jpeg

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

WNIDS = ("n00000001", "n00000002", "n00000003")
WORDS = ["tench, Tinca tinca", "goldfish", "great white shark"]
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def pictures(train=7, val=3):
    """Name -> JPEG, as in class folders."""
    files = {}
    for label, wnid in enumerate(WNIDS):
        for i in range(train):
            files[f"train/{wnid}/{wnid}_{7 * i + label}.JPEG"] = jpeg(
                40 + i, 50, seed=9 * i + label
            )
        for i in range(val):
            name = f"val/{wnid}/ILSVRC2012_val_{3 * i + label + 1:08d}.JPEG"
            files[name] = jpeg(50, 40 + i, seed=100 + 9 * i + label)
    return files


def doubled(name):
    """The path that Hugging Face gives an image: its own name, and its class once more."""
    _, wnid, file = name.split("/")
    return f"{file.removesuffix('.JPEG')}_{wnid}.JPEG"


def write(path, images, paths, labels, names=WORDS, group=3, **columns):
    """Write a file as `datasets` does: struct column, class names in the schema's metadata."""
    values = [{"bytes": data, "path": name} for data, name in zip(images, paths, strict=True)]
    arrays = {"image": pa.array(values, IMAGE), "label": pa.array(labels, pa.int64()), **columns}
    features = {"image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}
    noted = json.dumps({"info": {"features": features}})
    table = pa.table(arrays).replace_schema_metadata({"huggingface": noted})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=group)
    return path


def write_hub(root, files):
    """Several files a split, rows in another order than the names."""
    for split, name, parts in (("train", "train", 2), ("val", "validation", 1)):
        own = sorted((n for n in files if n.startswith(split)), key=lambda n: n[::-1])
        for part in range(parts):
            some = own[part::parts]
            write(
                root / "data" / f"{name}-{part:05d}-of-{parts:05d}.parquet",
                [files[n] for n in some],
                [doubled(n) for n in some],
                [WNIDS.index(n.split("/")[1]) for n in some],
            )
    return root
