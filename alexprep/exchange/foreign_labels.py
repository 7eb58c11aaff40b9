"""Labels and keys of tars that others made: the names of their classes, a key for each sample."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path

from alexprep.errors import SettingsError, ShardError
from alexprep.exchange.foreign_tars import ForeignTar
from alexprep.raw.source import shown
from alexprep.shards.sample import make_keys

_MOST_CLASSES = 1_000_000


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


def number_classes(
    directory: Path, tars: list[ForeignTar], names: Sequence[str]
) -> tuple[tuple[str, ...], dict[int | str, int]]:
    """Return the names of all classes, and label as it stands in the tars -> number.

    Raises:
        ShardError: labels of two kinds or out of range, or too few names for them.
    """
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


def make_foreign_keys(
    tars: list[ForeignTar], classes: tuple[str, ...], numbers: dict[int | str, int]
) -> dict[tuple[str, str], str]:
    """Return tar and key there -> our key, <class>/<stem>, each different among these tars.

    Raises:
        ShardError: a tar has two samples under one key.
    """
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
