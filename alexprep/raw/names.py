"""What classes are called: words and glosses, from a devkit or a list beside the images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from alexprep.errors import RawError
from alexprep.raw.devkit import RELEASES, Devkit, Release, find_devkit
from alexprep.raw.source import RawSet

# "n01440764 tench, Tinca tinca", one a line: Kaggle's, and Caffe's.
MAPPINGS = ("LOC_synset_mapping.txt", "synset_words.txt")
SYNSETS = "synsets.txt"  # Caffe's, without words
_DEVKITS = [name for release in RELEASES for name in (release.archive, *release.folders)]
FILES = (*_DEVKITS, *MAPPINGS, SYNSETS)


def with_names(
    raw: RawSet, folders: Iterable[Path], releases: Sequence[Release] = RELEASES
) -> RawSet:
    """Return a raw set with what the first folder knows that has a devkit or a list of synsets.

    Raises:
        RawError: the devkit or the list is damaged.
    """
    for folder in folders:
        devkit = find_devkit(folder, releases)
        if devkit is not None:
            return _with_devkit(raw, devkit)
        for name in MAPPINGS:
            if (folder / name).is_file():
                return replace(raw, words=read_mapping(folder / name))
    return raw


def _with_devkit(raw: RawSet, devkit: Devkit) -> RawSet:
    return replace(
        raw,
        words=devkit.words,
        glosses=devkit.glosses,
        devkit_ids=devkit.ids,
        release=devkit.release.name,
        train_counts={wnid: s.num_train_images for wnid, s in devkit.classes.items()},
    )


def find_synsets(folders: Iterable[Path]) -> tuple[str, ...]:
    """Return the classes in the order of the first list of synsets; () where there is none."""
    for folder in folders:
        for name in (SYNSETS, *MAPPINGS):
            if (folder / name).is_file():
                return tuple(read_mapping(folder / name))
    return ()


def read_mapping(path: Path) -> dict[str, str]:
    """Read lines "class words" in their order.

    Raises:
        RawError: it is no text, or a class occurs twice.
    """
    try:
        return parse_mapping(path.read_bytes(), str(path))
    except OSError as error:
        raise RawError(f"{path}: cannot be read ({error.strerror})") from error


def parse_mapping(data: bytes, path: str) -> dict[str, str]:
    """Read the content of such a file; `path` is for messages.

    Raises:
        RawError: it is no text, or a class occurs twice.
    """
    words: dict[str, str] = {}
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise RawError(f"{path}: cannot be read as text ({error})") from error
    for number, line in enumerate(lines, 1):
        name, _, text = line.strip().partition(" ")
        if not name:
            continue
        if name in words:
            raise RawError(f"{path}: line {number} has {name} a second time; remove one of them")
        words[name] = text.strip()
    return words
