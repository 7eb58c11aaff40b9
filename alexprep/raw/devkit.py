"""The ILSVRC2012 development kit: what the classes are, and what the validation images show."""

from __future__ import annotations

import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from alexprep.errors import RawError
from alexprep.raw.mat5 import Mat5Error, read_structs

ARCHIVE = "ILSVRC2012_devkit_t12.tar.gz"
FOLDER = "ILSVRC2012_devkit_t12"
META = "meta.mat"
GROUND_TRUTH = "ILSVRC2012_validation_ground_truth.txt"


class Synset(NamedTuple):
    """One entry of meta.mat: 1,000 classes (no children), then their 860 ancestors."""

    number: int  # ILSVRC2012_ID; 1 to 1000 for the classes; not in the order of the wnids
    wnid: str  # "n02119789"
    words: str  # "kit fox, Vulpes macrotis"
    gloss: str  # "small grey fox of southwestern United States; ..."
    num_children: int


@dataclass(frozen=True)
class Devkit:
    """The classes by wnid, and the ILSVRC2012_ID of each validation image in order of its name."""

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
        """ILSVRC2012_ID of each class."""
        return {wnid: synset.number for wnid, synset in self.classes.items()}

    def validation_wnids(self) -> list[str]:
        """Return the class of each validation image, in order of its name.

        Raises:
            RawError: the ground truth names a class that meta.mat does not know.
        """
        wnids = {synset.number: wnid for wnid, synset in self.classes.items()}
        for line, number in enumerate(self.ground_truth, 1):
            if number not in wnids:
                raise RawError(
                    f"{self.where}: line {line} of {GROUND_TRUTH} is class {number}, which "
                    f"{META} does not have; use {META} and the ground truth of one devkit"
                )
        return [wnids[number] for number in self.ground_truth]


def find_devkit(folder: Path) -> Devkit | None:
    """Read the devkit that lies in `folder`, unpacked or as the .tar.gz; None where there is none.

    Raises:
        RawError: a part of it is missing or damaged.
    """
    unpacked = folder / FOLDER
    if unpacked.is_dir():
        return _devkit(unpacked, _from_folder(unpacked))
    archive = folder / ARCHIVE
    if archive.is_file():
        return _devkit(archive, _from_archive(archive))
    return None


def parse_meta(data: bytes) -> list[Synset]:
    """Return all synsets of a meta.mat, classes and ancestors, in its own order.

    Raises:
        RawError: the bytes are no meta.mat; the text is the reason alone.
    """
    try:
        return [
            Synset(
                number=_number(entry["ILSVRC2012_ID"]),
                wnid=str(entry["WNID"]),
                words=str(entry["words"] or ""),
                gloss=str(entry["gloss"] or ""),
                num_children=_number(entry["num_children"]),
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


def _devkit(where: Path, files: dict[str, bytes]) -> Devkit:
    for name in (META, GROUND_TRUTH):
        if name not in files:
            raise RawError(f"{where}: holds no data/{name}; download the devkit again")
    try:
        synsets = parse_meta(files[META])
    except RawError as error:
        raise RawError(f"{where}: {META} cannot be read: {error}; download it again") from error
    try:
        truth = tuple(map(int, files[GROUND_TRUTH].split()))
    except ValueError as error:
        raise RawError(
            f"{where}: {GROUND_TRUTH} is not one number a line ({error}); download it again"
        ) from error
    return Devkit(where, {s.wnid: s for s in synsets if s.num_children == 0}, truth)


def _from_folder(folder: Path) -> dict[str, bytes]:
    places = [place / name for place in (folder, folder / "data") for name in (META, GROUND_TRUTH)]
    return {path.name: path.read_bytes() for path in places if path.is_file()}


def _from_archive(archive: Path) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(archive) as members:
            for member in members:
                name = member.name.rpartition("/")[2]
                if name in (META, GROUND_TRUTH) and (file := members.extractfile(member)):
                    files[name] = file.read()
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        reason = str(error).partition(":")[0]  # tarfile adds a line for each compression tried
        raise RawError(f"{archive}: cannot be unpacked ({reason}); download it again") from error
    return files
