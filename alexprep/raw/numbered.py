"""What sets have in common whose classes are numbers: what their folders would be called."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from typing import Any

from alexprep.errors import RawError
from alexprep.raw.source import shown

_SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}
_DIGITS = 18  # of a label: what has more is none
_SUFFIXES = (
    (b"\xff\xd8\xff", ".jpg"),
    (b"\x89PNG", ".png"),
    (b"GIF8", ".gif"),
    (b"RIFF", ".webp"),
    (b"BM", ".bmp"),
    (b"II*\0", ".tif"),
    (b"MM\0*", ".tif"),
)


def split_in_name(name: str) -> str | None:
    """Return the split that a path tells, its last part first: "imagenet1k-train-0001.tar"."""
    for part in reversed(name.split("/")):
        for word in re.split(r"[^a-z]+", part.lower()):
            if word in _SPLIT_WORDS:
                return _SPLIT_WORDS[word]
    return None


def is_number(text: str) -> bool:
    """Tell whether a text is a number from 0 on, written as programs write them."""
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS


def known_suffix(data: bytes) -> str:
    """Return the usual ending of a name for such a file; "" for one of no known format."""
    return next((suffix for magic, suffix in _SUFFIXES if data.startswith(magic)), "")


def number_folders(
    numbers: Sequence[int], names: Sequence[str] | None
) -> tuple[dict[Any, str], dict[str, str]]:
    """Return number -> class, and class -> words.

    A class is called by its name where all names can be those of folders, else by its number,
    with zeros in front so that numbers and names sort alike; its name is then its words.

    Args:
        numbers: The labels that occur, sorted.
        names: [label] -> name; None where there are none.
    """
    if names and all(map(_is_part, names)) and len(set(names)) == len(names):
        return {number: names[number] for number in numbers}, {}
    width = len(str(max(numbers[-1], len(names or ()) - 1)))
    folders = {number: f"{number:0{width}d}" for number in numbers}
    return folders, {folders[number]: names[number] for number in numbers if names}


def own_order(classes: Iterable[str]) -> tuple[str, ...]:
    """Return classes by their numbers; () where that is the order of their names too."""
    ordered = tuple(classes)
    return () if ordered == tuple(sorted(ordered)) else ordered


def class_folders(names: Sequence[str], title: str) -> dict[Any, str]:
    """Return label -> class for labels that are texts.

    Raises:
        RawError: one of them cannot be the name of a folder.
    """
    for name in names:
        if not _is_part(name):
            raise RawError(
                f"{title}: a label is {shown(name)!r}, which cannot be the name of a folder; "
                "rename that class"
            )
    return {name: name for name in names}


def _is_part(name: str) -> bool:
    try:
        os.fsencode(name)
    except UnicodeEncodeError:  # half a sign, as JSON may hold
        return False
    return bool(name) and not name.startswith(".") and not set(name) & set("/\0\n")
