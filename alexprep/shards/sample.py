"""Samples: their keys, the names of their members in a shard, their labels."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence

from alexprep.errors import ShardError

LABEL_EXTENSION = "cls"
MAX_KEY = 90  # bytes; with an extension a member name stays inside USTAR's 100
MAX_FOLDER = 45  # bytes of it for the class
_HASH = 16  # hexadecimal digits that replace the tail of what is too long
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
_ODD = re.compile(r"[^A-Za-z0-9_-]")
_KEY = re.compile(r"(?:[A-Za-z0-9_-]|%[0-9A-F]{2})+/(?:[A-Za-z0-9_-]|%[0-9A-F]{2})+\Z")


def escape(text: str) -> str:
    """Write every byte outside [A-Za-z0-9_-] as %XX, dots included.

    WebDataset cuts names at the first dot; file systems and shells dislike much of the rest.
    Injective: two texts never give the same result. File names that are no UTF-8 are kept as
    their bytes (Python's surrogateescape).
    """
    if not _ODD.search(text):
        return text
    data = text.encode("utf-8", "surrogateescape")
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in data)


def make_keys(class_name: str, names: Sequence[str]) -> list[str]:
    """Return the keys of all samples of one class, `<class>/<stem>`, each different.

    Args:
        class_name: The class, e.g. "n01440764".
        names: Paths of its sources below the class folder, POSIX, each different, e.g.
            "n01440764_10026.JPEG". Sources that differ only in folder or extension take folder
            and extension into the stem; the others keep the plain stem.

    Returns:
        One key for each name, in the same order, at most 90 bytes of ASCII.
    """
    # Of "x/a.jpg" the stem is "a". Plain string operations: pathlib takes seven times as long.
    files = [name.rpartition("/")[2] for name in names]
    stems = [file.rpartition(".")[0] or file for file in files]
    found = Counter(stems)
    folder = escape(class_name)
    if len(folder) > MAX_FOLDER:
        folder = f"{_cut(folder, MAX_FOLDER - 1 - _HASH)}-{_hash(class_name)}"
    return [
        # A stem with a dot could equal the full name of another file: "a.b" of a.b.jpg, and a.b.
        _key(folder, stem if found[stem] == 1 and "." not in stem and stem != file else name, name)
        for name, file, stem in zip(names, files, stems, strict=True)
    ]


def _key(folder: str, stem: str, name: str) -> str:
    escaped = escape(stem)
    if len(folder) + 1 + len(escaped) <= MAX_KEY:
        return f"{folder}/{escaped}"
    room = MAX_KEY - len(folder) - len("/-") - _HASH
    return f"{folder}/{_cut(escaped, room)}-{_hash(name)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:_HASH]


def _cut(text: str, length: int) -> str:
    """Cut `text`, but never inside a %XX."""
    head = text[:length]
    percent = head.rfind("%", max(0, length - 2))
    return head if percent < 0 else head[:percent]


def member_name(key: str, extension: str) -> str:
    """Return the name of a sample's member in a shard: "n01440764/n01440764_10026.jpg"."""
    return f"{key}.{extension}"


def split_member(name: str) -> tuple[str, str]:
    """Return the key and the extension of a member's name.

    Raises:
        ShardError: the name is not one that this program writes (a path outside the folder, say).
    """
    key, dot, extension = name.partition(".")
    if not dot or not _KEY.match(key):
        raise ShardError(f"member {name!r} is not named <class>/<stem>.<extension>")
    return key, extension


def encode_label(label: int) -> bytes:
    """Return the content of a `.cls` member: the number in ASCII, no newline."""
    return b"%d" % label


def decode_label(data: bytes) -> int:
    """Return the label that a `.cls` member holds.

    Raises:
        ShardError: the content is not a number.
    """
    if not data.isdigit() or len(data) > 9:
        raise ShardError(f"a label must be a number in ASCII; found {data[:20]!r}")
    return int(data)
