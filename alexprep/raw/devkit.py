"""The development kits of 2012 and 2010: what the classes are, what validation images show."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from alexprep.errors import RawError
from alexprep.raw.mat5 import Mat5Error, read_structs

META = "meta.mat"


class Release(NamedTuple):
    """A year of the challenge, and how its development kit is called."""

    name: str
    archive: str
    folders: tuple[str, ...]  # that the archive unpacks to, or is unpacked into
    counts: dict[str, int]  # official number of images in each split

    @property
    def id_field(self) -> str:
        """The field of meta.mat that numbers the synsets."""
        return f"{self.name}_ID"

    @property
    def ground_truth(self) -> str:
        """The file that has the class of each validation image."""
        return f"{self.name}_validation_ground_truth.txt"


ILSVRC2012 = Release(
    "ILSVRC2012",
    "ILSVRC2012_devkit_t12.tar.gz",
    ("ILSVRC2012_devkit_t12",),
    {"train": 1_281_167, "val": 50_000},
)
ILSVRC2010 = Release(
    "ILSVRC2010",
    "ILSVRC2010_devkit-1.0.tar.gz",
    ("devkit-1.0", "ILSVRC2010_devkit-1.0"),
    {"train": 1_261_406, "val": 50_000, "test": 150_000},
)
RELEASES = (ILSVRC2012, ILSVRC2010)
ARCHIVE = ILSVRC2012.archive
FOLDER = ILSVRC2012.folders[0]
GROUND_TRUTH = ILSVRC2012.ground_truth


class Synset(NamedTuple):
    """One entry of meta.mat: 1,000 classes (no children), then their 860 ancestors."""

    number: int  # ILSVRC2012_ID (or 2010); 1 to 1000 for the classes, not in order of the wnids
    wnid: str  # "n02119789"
    words: str  # "kit fox, Vulpes macrotis"
    gloss: str  # "small grey fox of southwestern United States; ..."
    num_children: int
    num_train_images: int = 0


@dataclass(frozen=True)
class Devkit:
    """The classes by wnid, and the number of the class of each validation image, by its name."""

    release: Release
    where: Path
    classes: dict[str, Synset]
    ground_truth: tuple[int, ...]

    @property
    def words(self) -> dict[str, str]:
        """Words of each class."""
        return {wnid: synset.words for wnid, synset in self.classes.items()}

    @property
    def glosses(self) -> dict[str, str]:
        """What each class is, in a sentence."""
        return {wnid: synset.gloss for wnid, synset in self.classes.items()}

    @property
    def ids(self) -> dict[str, int]:
        """ILSVRC2012_ID (or 2010) of each class."""
        return {wnid: synset.number for wnid, synset in self.classes.items()}

    def validation_wnids(self) -> list[str]:
        """Return the class of each validation image, in order of its name.

        Raises:
            RawError: the ground truth names a class that meta.mat does not know.
        """
        return self.wnids(self.ground_truth, self.release.ground_truth)

    def wnids(self, numbers: Sequence[int], file: str) -> list[str]:
        """Return the class of each image from the numbers in a ground truth.

        Raises:
            RawError: a number is of no class that meta.mat knows.
        """
        wnids = {synset.number: wnid for wnid, synset in self.classes.items()}
        for line, number in enumerate(numbers, 1):
            if number not in wnids:
                raise RawError(
                    f"{self.where}: line {line} of {file} is class {number}, which "
                    f"{META} does not have; use {META} and the ground truth of one devkit"
                )
        return [wnids[number] for number in numbers]


def find_devkit(folder: Path, releases: Sequence[Release] = RELEASES) -> Devkit | None:
    """Read the devkit that lies in `folder`, unpacked or as the .tar.gz; None where there is none.

    Raises:
        RawError: a part of it is missing or damaged.
    """
    for release in releases:
        for unpacked in (folder / name for name in release.folders):
            if unpacked.is_dir():
                return _devkit(release, unpacked, _from_folder(unpacked, release))
        archive = folder / release.archive
        if archive.is_file():
            return _devkit(release, archive, _from_archive(archive, release))
    return None


def parse_numbers(data: bytes, where: Path, name: str) -> tuple[int, ...]:
    """Return the numbers of a ground truth, one a line.

    Raises:
        RawError: there is something else in it.
    """
    try:
        return tuple(map(int, data.split()))
    except ValueError as error:
        raise RawError(
            f"{where}: {name} is not one number a line ({error}); download it again"
        ) from error


def parse_meta(data: bytes, release: Release = ILSVRC2012) -> list[Synset]:
    """Return all synsets of a meta.mat, classes and ancestors, in its own order.

    Raises:
        RawError: the bytes are no meta.mat; the text is the reason alone.
    """
    try:
        return [
            Synset(
                number=_number(entry[release.id_field]),
                wnid=str(entry["WNID"]),
                words=str(entry["words"] or ""),
                gloss=str(entry["gloss"] or ""),
                num_children=_number(entry["num_children"]),
                num_train_images=_number(entry.get("num_train_images") or 0.0),
            )
            for entry in read_structs(data, "synsets")
        ]
    except KeyError as error:
        raise RawError(f"its synsets have no field {error}") from error
    except Mat5Error as error:
        raise RawError(str(error)) from error


def _number(value: str | float | None) -> int:
    if not isinstance(value, float):
        raise Mat5Error(f"{value!r} where a number belongs")
    return int(value)


def _devkit(release: Release, where: Path, files: dict[str, bytes]) -> Devkit:
    for name in (META, release.ground_truth):
        if name not in files:
            raise RawError(f"{where}: holds no data/{name}; download the devkit again")
    try:
        synsets = parse_meta(files[META], release)
    except RawError as error:
        raise RawError(f"{where}: {META} cannot be read: {error}; download it again") from error
    truth = parse_numbers(files[release.ground_truth], where, release.ground_truth)
    return Devkit(release, where, {s.wnid: s for s in synsets if s.num_children == 0}, truth)


def _from_folder(folder: Path, release: Release) -> dict[str, bytes]:
    names = (META, release.ground_truth)
    places = [place / name for place in (folder, folder / "data") for name in names]
    return {path.name: path.read_bytes() for path in places if path.is_file()}


def _from_archive(archive: Path, release: Release) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(archive) as members:
            for member in members:
                name = member.name.rpartition("/")[2]
                if name in (META, release.ground_truth) and (file := members.extractfile(member)):
                    files[name] = file.read()
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        reason = str(error).partition(":")[0]  # tarfile adds a line for each compression tried
        raise RawError(f"{archive}: cannot be unpacked ({reason}); download it again") from error
    return files
