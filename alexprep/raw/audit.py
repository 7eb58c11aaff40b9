"""Is a raw set whole? Counts against the official ones, and md5s of archives, without decoding."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Set
from pathlib import Path
from typing import NamedTuple

from alexprep.errors import RawError
from alexprep.raw.containers import Unreadable
from alexprep.raw.devkit import RELEASES, Release
from alexprep.raw.source import SPLITS, RawSet, Source, shown, some

# torchvision's for ILSVRC2012's train, val and devkit; the others as several READMEs give them.
MD5 = {
    "ILSVRC2012_img_train.tar": "1d675b47d978889d74fa0da5fadfb00e",
    "ILSVRC2012_img_val.tar": "29b22e2961454d5413ddabcf34fc5622",
    "ILSVRC2012_devkit_t12.tar.gz": "fa75699e90414af021442c21a62c3abf",
    "ILSVRC2012_img_test_v10102019.tar": "e1b8681fff3d63731c599df9b4b6fc02",
    "ILSVRC2012_img_train_t3.tar": "ccaf1013018ac1037801578038d370da",
    "ILSVRC2012_bbox_train_v2.tar.gz": "9271167e2176350e65cfe4e546f14b17",
    "ILSVRC2012_bbox_val_v3.tgz": "f4cd18b5ea29fe6bbea62ec9c20d80f0",
}
_PER_CLASS = {"val": 50, "test": 150}
_TRAIN_RANGE = {"ILSVRC2012": (732, 1300), "ILSVRC2010": (668, 3047)}
_CLASSES = 1000
_ALMOST = 900  # classes called as ImageNet's from which on a set is taken for all of it
_LINES = 20  # classes named one by one, if there are no more
_FIRST = 5  # of more
_LAYOUTS = {"ilsvrc2012": "ILSVRC2012", "ilsvrc2010": "ILSVRC2010", "kaggle": "ILSVRC2012"}
_CHUNK = 1 << 22


class Audit(NamedTuple):
    """What was compared, and what is missing or odd; a line each."""

    release: str  # "ILSVRC2012", or "" for a set that is not taken for ImageNet
    counts: list[str]
    problems: list[str]


def audit(raw: RawSet) -> Audit:
    """Compare a listed raw set with what it should hold. Reads nothing.

    It is taken for ImageNet where it has a devkit or the official form, or 900 classes and more
    with such names.
    """
    release = _release(raw)
    counts, problems = [], list(raw.unusable.values())
    if release is not None:
        for split in release.counts:
            if split in raw.splits:
                counts.append(_count(raw.splits[split], split, release))
                problems += _missing_images(raw, split, release)
            elif split != "test" and split not in raw.unusable:
                problems.append(f"{split}: missing; {release.name} has {release.counts[split]:,}")
    else:
        counts = list(_counted(raw))
    problems += _strange(raw)
    return Audit(release.name if release else "", counts, problems)


def _release(raw: RawSet) -> Release | None:
    names = {source.class_name for sources in raw.splits.values() for source in sources}
    wnids = sum(len(name) == 9 and name[0] == "n" and name[1:].isdigit() for name in names)
    name = raw.release or _LAYOUTS.get(raw.layout) or ("ILSVRC2012" if wnids >= _ALMOST else "")
    return next((release for release in RELEASES if release.name == name), None)


def _counted(raw: RawSet) -> Iterator[str]:
    """Yield how many images the classes of each split have, and whether there is a val."""
    for split, sources in raw.splits.items():
        found = Counter(source.class_name for source in sources).values()
        low, high = min(found), max(found)
        span = f"{low:,}" if low == high else f"{low:,} to {high:,}"
        yield f"{split}: {span} image{'' if high == 1 else 's'} a class"
    if "train" in raw.splits and "val" not in raw.splits:
        yield "no val split: `alextrain fit --holdout 0.1` keeps a tenth of train to validate on"


def _count(sources: list[Source], split: str, release: Release) -> str:
    classes = len({source.class_name for source in sources})
    return (
        f"{split}: {len(sources):,} of {release.counts[split]:,} images, "
        f"{classes:,} of {_CLASSES:,} classes"
    )


def _missing_images(raw: RawSet, split: str, release: Release) -> Iterator[str]:
    """Yield what a split lacks or has too much: classes, then images of classes."""
    found = Counter(source.class_name for source in raw.splits[split])
    known = _known(raw)
    if missing := known - found.keys():
        yield f"{split}: without {_named(raw, missing)}"
    if known and (strange := found.keys() - known):
        yield f"{split}: with {_named(raw, strange)}, which {release.name} does not have"
    if not known and len(found) != _CLASSES:
        yield f"{split}: {len(found):,} classes; {release.name} has {_CLASSES:,}"
    odd = []
    for name, count in sorted(found.items()):
        low, high = _expected(raw, split, name, release)
        if not low <= count <= high:
            should = f"{low:,}" if low == high else f"{low:,} to {high:,}"
            words = f" {raw.words[name]}" if name in raw.words else ""
            odd.append(f"{split}: {count:,} of {should} images of {shown(name)}{words}")
    few = len(odd) <= _LINES
    yield from odd if few else odd[:_FIRST]
    if not few:
        yield f"{split}: and other counts than the official of {len(odd) - _FIRST:,} more classes"


def _known(raw: RawSet) -> Set[str]:
    """Return the classes that there should be; nothing where no file beside the images says so."""
    if raw.devkit_ids:
        return raw.devkit_ids.keys()
    return raw.words.keys() if len(raw.words) == _CLASSES else set()


def _expected(raw: RawSet, split: str, name: str, release: Release) -> tuple[int, int]:
    if split in _PER_CLASS:
        return _PER_CLASS[split], _PER_CLASS[split]
    official = raw.train_counts.get(name)
    return (official, official) if official else _TRAIN_RANGE[release.name]


def _named(raw: RawSet, names: Set[str]) -> str:
    what = "1 class" if len(names) == 1 else f"{len(names):,} classes"
    texts = [f"{name} {raw.words[name]}" if name in raw.words else name for name in names]
    return f"{what}: {some(texts, _LINES)}"


def _strange(raw: RawSet) -> Iterator[str]:
    """Yield what is odd in any raw set."""
    if raw.empty:
        yield f"without a file: {some(raw.empty, _LINES)}"
    for split in (split for split in SPLITS if split in raw.splits):
        bad = [s for s in raw.splits[split] if isinstance(s.container, Unreadable)]
        if bad:
            yield f"{split}: cannot be read: {some(source.name for source in bad)}"
        readable = (s for s in raw.splits[split] if not isinstance(s.container, Unreadable))
        empty = [source for source in readable if not source.size]
        if empty:
            yield f"{split}: {len(empty):,} with 0 bytes: {some(source.name for source in empty)}"
    if "train" in raw.splits:
        learnt = {source.class_name for source in raw.splits["train"]}
        others = {s.class_name for name in raw.splits for s in raw.splits[name]} - learnt
        if others:
            yield f"not in train: {some(others, _LINES)}"


def archives(folder: Path) -> list[Path]:
    """Return the files in a folder whose official md5 is known."""
    return [path for name in MD5 if (path := folder / name).is_file()]


def check_md5(path: Path, on_progress: Callable[[int], None] | None = None) -> str:
    """Compare an archive with its official md5.

    Args:
        path: The archive.
        on_progress: Hears how many bytes were read since it was last called.

    Returns:
        What is wrong; nothing where it is the official file.

    Raises:
        RawError: it cannot be read.
    """
    digest = hashlib.md5(usedforsecurity=False)
    try:
        with path.open("rb", buffering=0) as file:
            while data := file.read(_CHUNK):
                digest.update(data)
                if on_progress is not None:
                    on_progress(len(data))
    except OSError as error:
        raise RawError(f"{path}: cannot be read ({error.strerror})") from error
    if digest.hexdigest() == MD5[path.name]:
        return ""
    return (
        f"{path.name}: md5 is {digest.hexdigest()}, the official one is {MD5[path.name]}; "
        "download it again"
    )
