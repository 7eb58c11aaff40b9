"""Tars that others made: which there are, and what their images are.

What a set of shards needs of them is checked: every image is a square of one side, in one format
(JPEG or PNG).
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import NamedTuple

import simplejpeg
from PIL import Image

from alexprep.errors import ShardError
from alexprep.files import sha256_file
from alexprep.raw.numbered import split_in_name
from alexprep.raw.place import open_place
from alexprep.raw.source import some
from alexprep.raw.webdataset_samples import Sample, labelled
from alexprep.settings import LEAST_SIZE, MOST_SIZE
from alexprep.threads import Beat

_EXTENSIONS = {"jpg": "jpg", "jpeg": "jpg", "png": "png"}
_RGB = ("Gray", "RGB", "YCbCr")  # what every decoder turns into RGB in one way
_SHARD = "make shards of it with `alexprep shard` instead, which resizes and converts"


class ForeignTar(NamedTuple):
    """A tar, and the samples of it that have a label."""

    path: Path
    split: str
    samples: list[Sample]


class LookedAt(NamedTuple):
    """A tar whose images have been looked at."""

    tar: ForeignTar
    shapes: set[tuple[int, str]]  # side in pixels and format of its images
    hashes: list[str]  # SHA-256 of each image
    sha256: str  # of the tar


def list_tars(directory: Path) -> list[ForeignTar]:
    """Read the headers of all tars of a folder: those of train first, then val and test.

    Raises:
        ShardError: no such folder, no tar in it, or one without a labelled image.
        RawError: a tar is damaged, or a label is none.
    """
    if not directory.is_dir():
        raise ShardError(f"{directory}: no such folder; name the folder of the WebDataset tars")
    tars = []
    for path in sorted(directory.glob("*.tar")):
        samples, _ = labelled(str(path))
        if not samples:
            raise ShardError(
                f"{path}: holds no image with a label beside it under the same key "
                "(x.jpg and x.cls); move it away, or add the labels"
            )
        tars.append(ForeignTar(path, split_in_name(path.name) or "train", samples))
    if not tars:
        raise ShardError(f"{directory}: holds no .tar; name the folder of the WebDataset tars")
    order = {"train": 0, "val": 1, "test": 2}
    return sorted(tars, key=lambda tar: (order[tar.split], tar.path.name))


def look_at(tar: ForeignTar, beat: Beat) -> LookedAt:
    """Read all images of a tar, their headers and hashes.

    Raises:
        ShardError: an image is no square, or in another format.
        RawError: the tar cannot be read.
    """
    shapes, hashes = set(), []
    with open_place(tar.path) as opened:
        for sample in tar.samples:
            data = opened.read(sample.image.size, sample.image.offset)
            shapes.add(_header(tar.path, sample, data))
            hashes.append(hashlib.sha256(data).hexdigest())
            beat(1)
    return LookedAt(tar, shapes, hashes, sha256_file(tar.path))


def _header(path: Path, sample: Sample, data: bytes) -> tuple[int, str]:
    """Return side and format of one image."""
    title = f"{path}, {sample.image.key}.{sample.image.extension}"
    extension = _EXTENSIONS.get(sample.image.extension)
    try:
        if extension == "jpg":
            height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
        elif extension == "png":
            with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
                (width, height), colours = image.size, _colours(image)
        else:
            raise ShardError(f"{title}: is neither JPEG nor PNG; {_SHARD}")
    except (ValueError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ShardError(f"{title}: does not decode ({error}); {_SHARD}") from error
    if width != height or colours not in _RGB:
        raise ShardError(
            f"{title}: is {width}x{height}, {colours}; expected a square in RGB or gray, as "
            f"large as all others; {_SHARD}"
        )
    return width, extension


def _colours(image: Image.Image) -> str:
    """Return "RGB" for a PNG that is that, gray or a palette without transparency; else its mode.

    What has alpha or 16 bits gets another picture from another decoder.
    """
    plain = image.mode in ("RGB", "L", "P", "1") and "transparency" not in image.info
    return "RGB" if plain else f"{image.mode} or transparent"


def shape_of(directory: Path, read: list[LookedAt]) -> tuple[int, str]:
    """Return side in pixels and format that all images have.

    Raises:
        ShardError: they differ, or are too small or too large.
    """
    shapes = sorted(set().union(*(found.shapes for found in read)))
    if len(shapes) > 1:
        kinds = some([f"{side}x{side} {extension}" for side, extension in shapes])
        raise ShardError(f"{directory}: images differ ({kinds}); expected one size; {_SHARD}")
    side, extension = shapes[0]
    if not LEAST_SIZE <= side <= MOST_SIZE:
        raise ShardError(
            f"{directory}: images are {side}x{side}; expected {LEAST_SIZE} to {MOST_SIZE}; {_SHARD}"
        )
    return side, extension
