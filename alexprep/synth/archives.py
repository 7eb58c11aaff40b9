"""Write drawn pictures as the official archives of ILSVRC2012: a tar of tars, a tar, a devkit."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

from alexprep.raw.devkit import ARCHIVE, FOLDER, GROUND_TRUTH, META
from alexprep.raw.ilsvrc2012 import TRAIN, VAL
from alexprep.synth.cast import (
    Casting,
    SynthSettings,
    class_words,
    devkit_ids,
    val_cast,
    wnid,
)
from alexprep.synth.meta import Value, write_structs

_TIME = 1339545600  # June 2012: the same bytes whenever the set is drawn
_RECORD = tarfile.RECORDSIZE  # tar fills archives up to 10,240 bytes
_ANCESTOR = "n00027807"  # WordNet's "shape, form", of which every class is a kind


def write_train(folder: Path, images: Iterable[tuple[Casting, bytes]]) -> None:
    """Write ILSVRC2012_img_train.tar: one tar for each class, in a tar.

    Args:
        folder: Where to.
        images: Pictures and their bytes, class by class.
    """
    with (folder / TRAIN).open("wb") as outer:
        for label, members in groupby(images, key=lambda image: image[0].label):
            # The size of the inner archive is known, and its header written, once it is there.
            start = outer.tell()
            outer.write(bytes(tarfile.BLOCKSIZE))
            size = _write_tar(outer, ((casting.name, data) for casting, data in members))
            outer.seek(start)
            outer.write(_header(f"{wnid(label)}.tar", size))
            outer.seek(0, io.SEEK_END)
        _end(outer, 0)


def write_val(folder: Path, images: Iterable[tuple[Casting, bytes]]) -> None:
    """Write ILSVRC2012_img_val.tar, the pictures in the order in which they come."""
    with (folder / VAL).open("wb") as file:
        _write_tar(file, ((casting.name, data) for casting, data in images))


def write_devkit(folder: Path, settings: SynthSettings) -> None:
    """Write ILSVRC2012_devkit_t12.tar.gz: meta.mat and the ground truth of the val split."""
    ids = devkit_ids(settings)
    truth = "".join(f"{ids[casting.label]}\n" for casting in val_cast(settings))
    files = {
        f"{FOLDER}/readme.txt": b"A devkit in the form of ILSVRC2012's, drawn by alexprep synth.\n",
        f"{FOLDER}/data/{GROUND_TRUTH}": truth.encode("ascii"),
        f"{FOLDER}/data/{META}": write_structs("synsets", _synsets(settings, ids)),
    }
    buffer = io.BytesIO()
    _write_tar(buffer, files.items())
    (folder / ARCHIVE).write_bytes(gzip.compress(buffer.getvalue(), mtime=0))


def _synsets(settings: SynthSettings, ids: Sequence[int]) -> list[dict[str, Value]]:
    """Return the classes in the order of their IDs, then their ancestor, as the original does."""
    counts = [len(range(label, settings.train, settings.classes)) for label in range(len(ids))]
    words = class_words(settings)
    entries = [
        _synset(ids[label], wnid(label), words[label], counts[label], ())
        for label in sorted(range(len(ids)), key=lambda label: ids[label])
    ]
    children = sorted(ids)
    return [*entries, _synset(len(ids) + 1, _ANCESTOR, "shape, form", 0, children)]


def _synset(
    number: int, name: str, words: str, train: int, children: Sequence[int]
) -> dict[str, Value]:
    return {
        "ILSVRC2012_ID": number,
        "WNID": name,
        "words": words,
        "gloss": f"a {words}, drawn by a program",
        "num_children": len(children),
        "children": children,
        "wordnet_height": 1 if children else 0,
        "num_train_images": train,
    }


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, _TIME, 0o644
    return info.tobuf(tarfile.GNU_FORMAT)


def _write_tar(file: BinaryIO, members: Iterable[tuple[str, bytes]]) -> int:
    """Write an archive at the file's place; return its size in bytes."""
    start = file.tell()
    for name, data in members:
        file.write(_header(name, len(data)))
        file.write(data)
        file.write(bytes(-len(data) % tarfile.BLOCKSIZE))
    return _end(file, start)


def _end(file: BinaryIO, start: int) -> int:
    file.write(bytes(2 * tarfile.BLOCKSIZE))
    file.write(bytes(-(file.tell() - start) % _RECORD))
    return file.tell() - start
