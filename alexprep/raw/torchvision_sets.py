"""Sets that torchvision knows, from the files that it downloads; its tables say what they hash to.

The only module of alexprep that imports torchvision (and with it torch), and only when such a set
is asked for. The MD5 of each file is checked before anything in it is read. Some of the files are
pickles, which can hold a program: only those that hash to what torchvision's authors had are read.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

import numpy as np
from numpy.typing import NDArray

from alexprep.errors import RawError

TRAIN, TEST = "train", "test"  # as torchvision calls them
_STL10_SIDE = 96
_IDX_BYTES = 8  # type "unsigned byte" in an idx file


@dataclass(frozen=True)
class Arrays:
    """One split in memory."""

    images: NDArray[np.uint8]  # [n, height, width, 3] levels
    labels: NDArray[np.int64]  # [n]
    classes: tuple[str, ...]  # [label] -> name


@functools.lru_cache(maxsize=2)
def load(name: str, root: str, split: str) -> Arrays:
    """Read a split of a set.

    Args:
        name: As torchvision has it, one of ARRAYS.
        root: The folder that torchvision was given.
        split: "train" or "test".

    Raises:
        RawError: a file is missing, has another MD5, or torchvision is not installed.
    """
    arrays = ARRAYS[name](_dataset(name), Path(root), split)
    if len(arrays.images) != len(arrays.labels) or not len(arrays.labels):
        raise RawError(
            f"{root}: {name} has {len(arrays.images):,} images and {len(arrays.labels):,} labels"
        )
    return arrays


def class_tree(name: str, root: str) -> Path:
    """Return the folder with the class folders of a set that torchvision unpacks.

    Raises:
        RawError: it is not there, or the archive that lies beside it has another MD5.
    """
    tables = _dataset(name)
    for folder, archive, md5 in _trees(name, tables):
        if (Path(root) / folder).is_dir():
            if (Path(root) / archive).is_file():
                _checked(Path(root) / archive, md5)
            return Path(root) / folder
    names = " or ".join(folder for folder, _, _ in _trees(name, tables))
    raise RawError(f"{root}: no folder {names} in it; {_remedy(name, root)}")


def download(name: str, root: Path) -> None:
    """Let torchvision download a set; what is there already is not downloaded again.

    Raises:
        RawError: the set is unknown here, the network or the server fails, or what came is not
            what torchvision's authors had.
    """
    kind = _dataset(name)
    root.mkdir(parents=True, exist_ok=True)
    try:
        kind(str(root), download=True)
    except URLError as error:
        if isinstance(error, HTTPError):
            error.close()
        raise RawError(
            f"{name}: cannot be downloaded ({error.reason}); check the network and run the same "
            "command again"
        ) from error
    except (RuntimeError, EOFError, zlib.error, OSError) as error:
        words = " ".join(str(error).split())[:120]
        raise RawError(
            f"{name}: the download failed ({words}); run the same command again, and if it fails "
            f"again remove {root}"
        ) from error


def _dataset(name: str) -> Any:
    if find_spec("torchvision") is None:
        raise RawError(
            f"{name}: needs the package torchvision; install it: pip install torchvision"
        )
    return getattr(import_module("torchvision.datasets"), name)


def _remedy(name: str, root: Path | str) -> str:
    return f"`alexprep download {name} {root}` brings it"


def _checked(path: Path, md5: str, name: str = "") -> bytes:
    """Return the bytes of a file that has this MD5."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise RawError(f"{path}: is missing; {_remedy(name, path.parents[1])}") from error
    except OSError as error:
        raise RawError(f"{path}: cannot be read ({error.strerror})") from error
    found = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if found != md5:
        raise RawError(
            f"{path}: has MD5 {found}, and torchvision's list says {md5}; it is damaged or another "
            "file, so it is not opened: remove it and download the set again"
        )
    return data


def _cifar(kind: Any, root: Path, split: str) -> Arrays:
    folder = root / kind.base_folder
    for file, md5 in (
        *kind.train_list,
        *kind.test_list,
        (kind.meta["filename"], kind.meta["md5"]),
    ):
        _checked(folder / file, md5, kind.__name__)
    dataset = kind(str(root), train=split == TRAIN, download=False)
    return Arrays(
        np.ascontiguousarray(dataset.data),
        np.asarray(dataset.targets, np.int64),
        tuple(dataset.classes),
    )


def _mnist(kind: Any, root: Path, split: str) -> Arrays:
    """Read the archives themselves: what torchvision unpacks from them has no MD5 to be held to."""
    prefix = "train-" if split == TRAIN else "t10k-"
    images, labels = (
        _idx(root / kind.__name__ / "raw" / file, md5, kind.__name__)
        for file, md5 in kind.resources
        if file.startswith(prefix)
    )
    gray = np.broadcast_to(images[..., None], (*images.shape, 3))
    return Arrays(gray, labels.astype(np.int64), tuple(kind.classes))


def _idx(path: Path, md5: str, name: str) -> NDArray[np.uint8]:
    """Return the array in a gzipped idx file of bytes (LeCun's format, described with MNIST)."""
    data = gzip.decompress(_checked(path, md5, name))
    if data[:3] != bytes((0, 0, _IDX_BYTES)):
        raise RawError(f"{path}: is no idx file of bytes")
    dimensions = data[3]
    shape = np.frombuffer(data, ">u4", dimensions, 4).tolist()
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def _stl10(kind: Any, root: Path, split: str) -> Arrays:
    """Read the files of this split; the unlabelled images need not be there."""
    folder = root / kind.base_folder
    (images, image_md5), (labels, label_md5) = (
        kind.train_list[:2] if split == TRAIN else kind.test_list
    )
    levels = np.frombuffer(_checked(folder / images, image_md5, "STL10"), np.uint8)
    planes = levels.reshape(-1, 3, _STL10_SIDE, _STL10_SIDE)  # column by column
    numbers = np.frombuffer(_checked(folder / labels, label_md5, "STL10"), np.uint8)
    try:
        classes = (folder / kind.class_names_file).read_text("ascii").split()
    except OSError as error:
        raise RawError(
            f"{folder / kind.class_names_file}: cannot be read ({error.strerror}); "
            f"{_remedy('STL10', root)}"
        ) from error
    return Arrays(planes.transpose(0, 3, 2, 1), numbers.astype(np.int64) - 1, tuple(classes))


ARRAYS: dict[str, Callable[[Any, Path, str], Arrays]] = {
    "CIFAR10": _cifar,
    "CIFAR100": _cifar,
    "MNIST": _mnist,
    "FashionMNIST": _mnist,
    "KMNIST": _mnist,
    "STL10": _stl10,
}
TREES = ("Imagenette", "Country211", "RenderedSST2")


def _trees(name: str, kind: Any) -> list[tuple[str, str, str]]:
    """Return folder, archive and the archive's MD5 of what a set may be, the largest first."""
    if name == "Imagenette":
        found = []
        for url, md5 in kind._ARCHIVES.values():
            archive = url.rpartition("/")[2]
            found.append((archive.removesuffix(".tgz"), archive, md5))
        return found
    url = kind._URL
    archive = url.rpartition("/")[2]
    folder = "rendered-sst2" if name == "RenderedSST2" else archive.removesuffix(".tgz")
    return [(folder, archive, kind._MD5)]
