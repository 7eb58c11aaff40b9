"""What classes are called: words and glosses, from a devkit or a list beside the images."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from alexprep.errors import RawError
from alexprep.raw.devkit import ARCHIVE, FOLDER, find_devkit
from alexprep.raw.source import RawSet

# "n01440764 tench, Tinca tinca", one a line: Kaggle's, and Caffe's.
MAPPINGS = ("LOC_synset_mapping.txt", "synset_words.txt")
FILES = (FOLDER, ARCHIVE, *MAPPINGS)


@dataclass(frozen=True)
class Names:
    """Names of classes for people; empty where none are known."""

    words: dict[str, str] = field(default_factory=dict)
    glosses: dict[str, str] = field(default_factory=dict)
    devkit_ids: dict[str, int] = field(default_factory=dict)


def find_names(folders: Iterable[Path]) -> Names:
    """Return what the first folder knows that has a devkit or a list of synsets in it.

    Raises:
        RawError: the devkit or the list is damaged.
    """
    for folder in folders:
        devkit = find_devkit(folder)
        if devkit is not None:
            return Names(devkit.words, devkit.glosses, devkit.ids)
        for name in MAPPINGS:
            if (folder / name).is_file():
                return Names(read_mapping(folder / name))
    return Names()


def with_names(raw: RawSet, folders: Iterable[Path]) -> RawSet:
    """Return a raw set with the names that lie in one of `folders`."""
    names = find_names(folders)
    return replace(raw, words=names.words, glosses=names.glosses, devkit_ids=names.devkit_ids)


def read_mapping(path: Path) -> dict[str, str]:
    """Read lines "class words" in their order.

    Raises:
        RawError: it is no text, or a class occurs twice.
    """
    words: dict[str, str] = {}
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RawError(f"{path}: cannot be read as text ({error})") from error
    for number, line in enumerate(lines, 1):
        name, _, text = line.strip().partition(" ")
        if not name:
            continue
        if name in words:
            raise RawError(f"{path}: line {number} has {name} a second time; remove one of them")
        words[name] = text.strip()
    return words
