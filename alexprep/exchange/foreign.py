"""WebDataset tars that others made, taken as they are: index and manifest are written beside.

Not one byte of a tar is changed. What the rest of this program needs of them is checked: every
image is a square of one side, in one format (JPEG or PNG), with a label under its key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from alexprep.building.finish import INFO, info_bytes
from alexprep.errors import ShardError
from alexprep.exchange.foreign_labels import make_foreign_keys, number_classes
from alexprep.exchange.foreign_tars import LookedAt, list_tars, look_at, shape_of
from alexprep.files import lock_directory, sha256_file, write_atomically
from alexprep.records.record import join
from alexprep.records.report import Report
from alexprep.settings import PrepSettings
from alexprep.shards.index import Index, index_name
from alexprep.shards.manifest import FOREIGN, MANIFEST, WORK, Manifest, ShardRecord
from alexprep.shards.tar import Placed
from alexprep.threads import in_threads


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
        ShardError: the folder is a set already, holds no tars, or images that no set holds.
        RawError: a tar is damaged, or a label is none.
        DiskError: the folder cannot be written.
    """
    if (directory / MANIFEST).exists() or (directory / WORK).exists():
        raise ShardError(
            f"{directory}: holds shards of alexprep already, finished or begun; nothing to import"
        )
    tars = list_tars(directory)
    classes, numbers = number_classes(directory, tars, names)
    if on_total is not None:
        on_total(sum(len(tar.samples) for tar in tars))
    with lock_directory(directory):
        read = {found.tar.path: found for found in in_threads(look_at, tars, jobs, on_progress)}
        ordered = [read[tar.path] for tar in tars]
        manifest = _manifest(directory, ordered, classes, names, numbers)
        if not (directory / INFO).exists():  # it may be theirs
            write_atomically(directory / INFO, info_bytes(manifest))
        Report.gather((), sum(len(found.hashes) for found in ordered)).save(directory)
        manifest.save(directory)
        return manifest


def _manifest(
    directory: Path,
    read: list[LookedAt],
    classes: tuple[str, ...],
    names: Sequence[str],
    numbers: dict[int | str, int],
) -> Manifest:
    """Return the manifest, its indexes written."""
    side, extension = shape_of(directory, read)
    return Manifest(
        settings=PrepSettings(size=side, format=extension),
        codec={"encoder": "unknown"},
        layout=FOREIGN,
        label_order="own",
        classes=classes,
        words=tuple(names)[: len(classes)] or classes,
        shards=tuple(map(_record, read)),
        index_sha256=_write_indexes(directory, read, classes, numbers),
    )


def _record(found: LookedAt) -> ShardRecord:
    path = found.tar.path
    samples, size = len(found.hashes), path.stat().st_size
    return ShardRecord(path.name, found.tar.split, samples, size, found.sha256)


def _write_indexes(
    directory: Path,
    read: list[LookedAt],
    classes: tuple[str, ...],
    numbers: dict[int | str, int],
) -> dict[str, str]:
    """Write the index of each split; return split -> SHA-256 of its index."""
    hashes: dict[str, str] = {}
    for split in dict.fromkeys(found.tar.split for found in read):
        of_split = [found for found in read if found.tar.split == split]
        keys = make_foreign_keys([found.tar for found in of_split], classes, numbers)
        path = directory / index_name(split)
        join([_index(found, keys, numbers) for found in of_split]).save(path)
        hashes[split] = sha256_file(path)
    return hashes


def _index(
    found: LookedAt, keys: dict[tuple[str, str], str], numbers: dict[int | str, int]
) -> Index:
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
