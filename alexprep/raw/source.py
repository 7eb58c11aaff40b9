"""What every layout of a raw set becomes: sources, each one file that should be an image."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple, Protocol

from alexprep.errors import ImageError, RawError

SPLITS = ("train", "val", "test")
ALIASES = {"validation": "val", "valid": "val"}  # what others call a split
UNKNOWN_SIZE = -1
_LONGEST = 200  # letters of a name in a sentence
MAX_BYTES = 1 << 30  # no image of max_pixels is larger; keeps a stray film out of the memory
_DROPPINGS = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
_ONE_FILE_FAILS = frozenset({errno.EACCES, errno.EPERM, errno.EIO})


class Container(Protocol):
    """Where sources lie: a folder, an archive. Small, frozen, and can be pickled.

    One object is shared by all sources of a folder or an archive. What `place` means is its own
    affair. It holds paths and numbers, never an open file: sources cross process borders.
    """

    def read(self, source: Source) -> bytes:
        """Return the bytes of one of its sources, `source.size` of them where that is known.

        Raises:
            ImageError: this one file is bad; the text is the reason alone.
            OSError: as the system says it; `read_source` tells what it means.
        """

    def where(self, source: Source) -> str:
        """Return the file on disk that holds the bytes, for messages."""


class Source(NamedTuple):
    """One file of the raw set. There are 1.28 million of them in ImageNet: strings are shared.

    The name is the same for the same image in any layout (folders, a tar of them, the official
    archives), so the shards are the same bytes too.
    """

    class_name: str
    name: str  # split/class/path, POSIX, e.g. "train/n01440764/n01440764_10026.JPEG"; unique
    size: int  # bytes; UNKNOWN_SIZE where they are not known before they are read
    container: Container
    place: int = 0  # in the container: the offset in a tar, say

    @property
    def path(self) -> str:
        """The file on disk that holds the bytes."""
        return self.container.where(self)


@dataclass(frozen=True)
class RawSet:
    """All that a raw set holds, before any image is read."""

    layout: str  # as --layout has it: "imagefolder", "tar", "ilsvrc2012"
    root: Path | str  # as it was given: a path, or a URL
    splits: dict[str, list[Source]]  # no split is empty; each is sorted by name
    words: dict[str, str] = field(default_factory=dict)  # class -> "kit fox, Vulpes macrotis"
    glosses: dict[str, str] = field(default_factory=dict)  # class -> "small grey fox of ..."
    devkit_ids: dict[str, int] = field(default_factory=dict)  # class -> ILSVRC2012_ID (or 2010)
    release: str = ""  # of the devkit: "ILSVRC2012"
    train_counts: dict[str, int] = field(default_factory=dict)  # class -> its images, by the devkit
    own_order: tuple[str, ...] = ()  # classes by the set's own numbers, where it has such
    found: list[str] = field(default_factory=list)  # lines that say what was found, and not read
    empty: tuple[str, ...] = ()  # class folders without a file: "train/n01440764"
    unusable: dict[str, str] = field(default_factory=dict)  # split -> why it cannot be read


def read_source(source: Source) -> bytes:
    """Return the bytes of one source. Safe in any number of threads and processes.

    Raises:
        ImageError: this one file cannot be read: no permission, a bad place on the disk, or
            larger than any image; the text is the reason alone.
        RawError: it is gone or has changed since the raw set was listed, or its archive was cut.
    """
    if source.size > MAX_BYTES:
        raise ImageError(f"{source.size:,} bytes, more than any image has")
    try:
        data = source.container.read(source)
    except OSError as error:
        if error.errno in _ONE_FILE_FAILS:
            raise ImageError(f"cannot be read: {error.strerror}") from error
        raise RawError(
            f"{source.path}: {error.strerror} now, but it was there when the raw set "
            "was listed; run the command again"
        ) from error
    if source.size not in (len(data), UNKNOWN_SIZE):
        raise RawError(
            f"{source.path}: {shown(source.name)} gives {len(data):,} bytes where {source.size:,} "
            "were listed; the raw set changed meanwhile, run the command again"
        )
    return data


def shown(text: str) -> str:
    r"""Return a name as it can be printed in one line: what is no UTF-8, or no letter, as \xNN."""
    if text.isprintable():
        return text
    try:
        raw = os.fsencode(text)
    except UnicodeEncodeError:  # half a sign, as JSON may hold
        raw = text.encode("utf-8", "backslashreplace")
    decoded = raw.decode("utf-8", "backslashreplace")
    return "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in decoded)


def ignored(name: str) -> bool:
    """Tell whether a file or folder is what systems leave behind: never listed, never named.

    Hidden names (._x.JPEG of macOS, .DS_Store, .ipynb_checkpoints), Thumbs.db, desktop.ini,
    __MACOSX. All else is listed, whatever its extension: decoding decides what is an image, and
    what is none (notes.txt, say) is named in the report rather than passed over in silence.
    """
    return name.startswith(".") or name.lower() in _DROPPINGS


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Tell whether an entry is a folder or a link to one; a link in a circle is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def clean_path(name: str) -> tuple[str, ...]:
    """Return the parts of an archive member's name, without leading slashes, "." and ".."."""
    return tuple(part for part in name.split("/") if part not in ("", ".", ".."))


def split_of(name: str) -> str | None:
    """Return the split that a folder of this name holds; None where it is no split's name."""
    return ALIASES.get(name, name if name in SPLITS else None)


def sort_sources(sources: Iterable[Source]) -> list[Source]:
    """Return sources sorted by name.

    Raises:
        RawError: a name occurs twice (an archive may hold two members of one name).
    """
    ordered = sorted(sources, key=attrgetter("name"))
    for before, after in pairwise(ordered):
        if before.name == after.name:
            raise RawError(
                f"{after.path}: holds {shown(after.name)} twice; make the archive again "
                "with each file once"
            )
    return ordered


def within_class(source: Source) -> str:
    """Return the path of a source below its class folder."""
    return source.name.split("/", 2)[2]


def describe(split: str, sources: list[Source]) -> str:
    """Return "train: 1,281,167 files of 1,000 classes"."""
    classes = len({source.class_name for source in sources})
    return (
        f"{split}: {len(sources):,} {'file' if len(sources) == 1 else 'files'} "
        f"of {classes:,} {'class' if classes == 1 else 'classes'}"
    )


def unlabelled_images(split: str, count: int) -> str:
    """Return "test: 100,000 images without a label not read"."""
    return f"{split}: {count:,} {'image' if count == 1 else 'images'} without a label not read"


def not_read(split: str, names: Sequence[str]) -> str:
    """Return "val: 50,000 files beside the class folders not read (a.JPEG, b.JPEG and ...)"."""
    files = "file" if len(names) == 1 else "files"
    return f"{split}: {len(names):,} {files} beside the class folders not read ({some(names)})"


def some(names: Iterable[str], limit: int = 3) -> str:
    """Return the first few names: "a, b, c and 7 more"."""
    texts = sorted(shown(name) for name in names)
    rest = len(texts) - limit
    return ", ".join(map(_cut, texts[:limit])) + (f" and {rest:,} more" if rest > 0 else "")


def _cut(text: str) -> str:
    """Return a name as a line of a terminal bears it: of a very long one, both ends."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]}...{text[-_LONGEST // 2 :]}"
