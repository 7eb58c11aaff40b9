"""WebDataset tars that others made, taken as they are: index and manifest are written beside.

Not one byte of a tar is changed. What the rest of this program needs of them is checked: every
image is a square of one side, in one format (JPEG or PNG), with a label under its key.
"""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Callable, Sequence
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import simplejpeg
from PIL import Image

from alexprep.building.finish import INFO, info_bytes
from alexprep.errors import SettingsError, ShardError
from alexprep.files import lock_directory, sha256_file, write_atomically
from alexprep.raw.numbered import split_in_name
from alexprep.raw.place import open_place
from alexprep.raw.source import shown, some
from alexprep.raw.webdataset_samples import Sample, labelled
from alexprep.records.record import join
from alexprep.records.report import Report
from alexprep.settings import LEAST_SIZE, MOST_SIZE, PrepSettings
from alexprep.shards.index import Index, index_name
from alexprep.shards.manifest import FOREIGN, MANIFEST, WORK, Manifest, ShardRecord
from alexprep.shards.sample import make_keys
from alexprep.shards.tar import Placed
from alexprep.threads import Beat, in_threads

_MOST_CLASSES = 1_000_000
_EXTENSIONS = {"jpg": "jpg", "jpeg": "jpg", "png": "png"}
_RGB = ("Gray", "RGB", "YCbCr")  # what every decoder turns into RGB in one way


class _Tar(NamedTuple):
    path: Path
    split: str
    samples: list[Sample]


class _Read(NamedTuple):
    """What a tar holds, once its images have been looked at."""

    tar: _Tar
    shapes: set[tuple[int, str]]  # side and format of its images
    hashes: list[str]  # of its images
    sha256: str


def adopt(
    directory: Path,
    names: Sequence[str] = (),
    jobs: int | None = None,
    on_total: Callable[[int], None] | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Manifest:
    """Write index, counts and manifest for a folder of foreign tars, so that it is a set.

    The split stands in the names of the tars; without one it is train. Images without a label are
    passed over. Statistics are made with `measure` afterwards.

    Args:
        directory: The tars.
        names: Names of the classes by number, for people; nothing for the numbers themselves.
        jobs: Threads; None for one a core.
        on_total: Hears how many images there are, once the headers are read.
        on_progress: Hears the number of images looked at since it was last called.

    Raises:
        ShardError: the folder is a set already, or its images are not what a set holds.
        RawError: no tars, a damaged one, or labels that are none.
        DiskError: the folder cannot be written.
    """
    if (directory / MANIFEST).exists() or (directory / WORK).exists():
        raise ShardError(
            f"{directory}: holds shards of alexprep already, finished or begun; nothing to import"
        )
    tars = _list(directory)
    classes, numbers = _classes(directory, tars, names)
    if on_total is not None:
        on_total(sum(len(tar.samples) for tar in tars))
    with lock_directory(directory):
        read = {found.tar.path: found for found in in_threads(_look, tars, jobs, on_progress)}
        ordered = [read[tar.path] for tar in tars]
        side, extension = _shape(directory, ordered)
        settings = PrepSettings(size=side, format=extension)
        return _write(directory, ordered, settings, classes, names, numbers)


def read_names(path: Path) -> list[str]:
    """Read names of classes from a text file: a line each, the first is that of number 0.

    Raises:
        SettingsError: there is no such file, it is no text, or a line is empty.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise SettingsError(
            f"{path}: cannot be read ({reason}); name a text file with a class on each line"
        ) from error
    if not all(line.strip() for line in lines):
        number = next(i for i, line in enumerate(lines, 1) if not line.strip())
        raise SettingsError(
            f"{path}: line {number} is empty; give a name for each number from 0 on"
        )
    return [line.strip() for line in lines]


def _list(directory: Path) -> list[_Tar]:
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
        tars.append(_Tar(path, split_in_name(path.name) or "train", samples))
    if not tars:
        raise ShardError(f"{directory}: holds no .tar; name the folder of the WebDataset tars")
    order = {"train": 0, "val": 1, "test": 2}
    return sorted(tars, key=lambda tar: (order[tar.split], tar.path.name))


def _classes(
    directory: Path, tars: list[_Tar], names: Sequence[str]
) -> tuple[tuple[str, ...], dict[int | str, int]]:
    """Return the names of all classes, and label as it stands in the tars -> number."""
    labels = {sample.label for tar in tars for sample in tar.samples}
    texts = sorted(label for label in labels if isinstance(label, str))
    if texts and len(texts) < len(labels):
        raise ShardError(f"{directory}: some labels are numbers, others texts; expected one kind")
    if texts:
        return tuple(texts), {text: number for number, text in enumerate(texts)}
    numbers = sorted(label for label in labels if isinstance(label, int))
    low, high = numbers[0], numbers[-1]
    if low < 0 or high >= _MOST_CLASSES:
        raise ShardError(
            f"{directory}: labels go from {low} to {high}; expected 0 to {_MOST_CLASSES - 1:,}"
        )
    if names and len(names) <= high:
        raise ShardError(
            f"{directory}: {len(names):,} names of classes were given, and there is a label "
            f"{high}; give a name for each number from 0 on, a line each"
        )
    # Two classes may share a name (crane, the bird and the machine); keys need one of their own.
    unique = bool(names) and len(set(names)) == len(names)
    classes = tuple(names) if unique else tuple(str(number) for number in range(high + 1))
    return classes, {number: number for number in numbers}


def _look(tar: _Tar, beat: Beat) -> _Read:
    """Read all images of a tar, their headers and hashes."""
    shapes, hashes = set(), []
    with open_place(tar.path) as opened:
        for sample in tar.samples:
            data = opened.read(sample.image.size, sample.image.offset)
            shapes.add(_header(tar.path, sample, data))
            hashes.append(hashlib.sha256(data).hexdigest())
            beat(1)
    return _Read(tar, shapes, hashes, sha256_file(tar.path))


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


def _shape(directory: Path, read: list[_Read]) -> tuple[int, str]:
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


def _write(
    directory: Path,
    read: list[_Read],
    settings: PrepSettings,
    classes: tuple[str, ...],
    names: Sequence[str],
    numbers: dict[int | str, int],
) -> Manifest:
    hashes: dict[str, str] = {}
    for split in dict.fromkeys(found.tar.split for found in read):
        keys = _keys([found.tar for found in read if found.tar.split == split], classes, numbers)
        own = [_index(found, keys, numbers) for found in read if found.tar.split == split]
        join(own).save(directory / index_name(split))
        hashes[split] = sha256_file(directory / index_name(split))
    report = Report.gather((), sum(len(found.hashes) for found in read))
    shards = [
        ShardRecord(
            found.tar.path.name,
            found.tar.split,
            len(found.hashes),
            found.tar.path.stat().st_size,
            found.sha256,
        )
        for found in read
    ]
    manifest = Manifest(
        settings=settings,
        codec={"encoder": "unknown"},
        layout=FOREIGN,
        label_order="own",
        classes=classes,
        words=tuple(names)[: len(classes)] or classes,
        shards=tuple(shards),
        index_sha256=hashes,
    )
    if not (directory / INFO).exists():  # it may be theirs
        write_atomically(directory / INFO, info_bytes(manifest))
    report.save(directory)
    manifest.save(directory)
    return manifest


def _keys(
    tars: list[_Tar], classes: tuple[str, ...], numbers: dict[int | str, int]
) -> dict[tuple[str, str], str]:
    """Return tar and key there -> our key, <class>/<stem>, each different in its split."""
    counts = Counter((tar.path.name, sample.image.key) for tar in tars for sample in tar.samples)
    (tar_name, key), most = max(counts.items(), key=itemgetter(1))
    if most > 1:
        raise ShardError(
            f"{tar_name}: holds {most} samples called {shown(key)}; write the tar again with a key "
            "of its own for each sample"
        )
    of_class: dict[str, list[tuple[str, str]]] = {}
    for tar in tars:
        for sample in tar.samples:
            name = classes[numbers[sample.label]]
            of_class.setdefault(name, []).append((tar.path.name, sample.image.key))
    found: dict[tuple[str, str], str] = {}
    for name, places in of_class.items():
        keys = [key for _, key in places]
        stems = [key.rpartition("/")[2] for key in keys]
        # As short as tells them apart: the stem, the whole key, the tar too.
        whole = keys if len(set(keys)) == len(keys) else [f"{tar}/{key}" for tar, key in places]
        chosen = stems if len(set(stems)) == len(stems) else whole
        found |= dict(zip(places, make_keys(name, chosen), strict=True))
    return found


def _index(found: _Read, keys: dict[tuple[str, str], str], numbers: dict[int | str, int]) -> Index:
    placed = [
        Placed(
            keys[found.tar.path.name, sample.image.key],
            numbers[sample.label],
            sample.image.offset,
            sample.image.size,
        )
        for sample in found.tar.samples
    ]
    return Index.build([placed], [sample.size for sample in placed], found.hashes)


_SHARD = "make shards of it with `alexprep shard` instead, which resizes and converts"
