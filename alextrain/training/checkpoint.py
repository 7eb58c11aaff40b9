"""Checkpoints: one file with everything that continuing or predicting needs, whole or refused.

A file is `torch.save` of tensors and plain Python values, always read with `weights_only=True`,
and holds a SHA-256 over its content: torch.load alone returns wrong weights after a flipped byte.
"""

from __future__ import annotations

import hashlib
import pickle
import zipfile
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import torch
from torch import nn

from alexprep.files import atomic_file, write_all
from alextrain.errors import CheckpointError, RecipeError

FORMAT_VERSION = 1
LAST, PREVIOUS, BEST = "last.pt", "previous.pt", "best.pt"
_FRESH = "fresh.pt"  # newer than last.pt, and whole: the run ended between two renames
KEEP = 2  # checkpoints of a run, beside the best: one, should the other be damaged
_MOST_KEPT = 100  # looked for
_REQUIRED = ("recipe", "settings", "classes", "words", "statistics", "model")


def save_checkpoint(path: Path, content: Mapping[str, Any]) -> None:
    """Write a checkpoint: whole under its name, or not there.

    Args:
        path: The file; one of this name is replaced.
        content: Tensors and plain Python values, nested in dicts and lists.

    Raises:
        DiskError: the disk is full or may not be written; what was there before stays.
    """
    whole = {"format_version": FORMAT_VERSION, **content}
    whole["sha256"] = content_digest(whole)
    with atomic_file(path) as file:
        writing = _Writing(file)
        try:
            torch.save(whole, writing)  # type: ignore[arg-type]  # it asks for `write` alone
        except RuntimeError as error:
            raise writing.failure or error from error


class _Writing:
    """A file for torch.save, which takes no short write, and hides an OSError behind its own."""

    def __init__(self, file: BinaryIO) -> None:
        self.failure: OSError | None = None
        self._file = file

    def write(self, data: bytes) -> int:
        """Write all of it."""
        try:
            write_all(self._file, data)
        except OSError as error:
            self.failure = error
            raise
        return len(data)

    def flush(self) -> None:
        """Do nothing: what is written is not kept back."""


def save_last(folder: Path, content: Mapping[str, Any], keep: int = KEEP) -> None:
    """Write `last.pt`; those before stay as `previous.pt`, `previous-2.pt` ..., `keep` in all."""
    save_checkpoint(folder / _FRESH, content)
    names = _names(keep)
    for newer, older in reversed(list(pairwise(names))):
        if (folder / newer).exists():
            (folder / newer).replace(folder / older)
    (folder / _FRESH).replace(folder / LAST)


def _names(keep: int) -> list[str]:
    """Return the names of a run's checkpoints, the newest first."""
    older = [f"previous-{age}.pt" for age in range(2, keep)]
    return [LAST, PREVIOUS, *older][:keep]


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint and check it.

    Returns:
        The content, tensors on the CPU.

    Raises:
        CheckpointError: missing, damaged, with a pickled object in it, of another version.
    """
    content = read_plain(path)
    version = content.get("format_version")
    if version != FORMAT_VERSION:
        raise CheckpointError(
            f"{path}: has checkpoint version {version}; this program reads version "
            f"{FORMAT_VERSION}: use the alexkit that wrote it"
        )
    missing = [name for name in _REQUIRED if name not in content]
    if missing:
        raise CheckpointError(f"{path}: is no checkpoint of alextrain (it lacks {missing[0]!r})")
    expected = content.pop("sha256", None)
    if content_digest(content) != expected:
        raise CheckpointError(
            f"{path}: is damaged (its content does not have the SHA-256 that it states); "
            f"use another checkpoint of the run, {PREVIOUS} or {BEST}"
        )
    return content


class Latest(NamedTuple):
    """The newest whole checkpoint of a run."""

    content: dict[str, Any]
    damaged: tuple[str, ...]  # a sentence for each newer one that is not whole


def load_latest(folder: Path) -> Latest:
    """Read the newest checkpoint of a run that is whole.

    Raises:
        CheckpointError: no whole checkpoint there.
    """
    damaged: list[CheckpointError] = []
    there = [name for name in (_FRESH, *_names(_MOST_KEPT)) if (folder / name).exists()]
    for name in there:
        try:
            content = load_checkpoint(folder / name)
        except CheckpointError as error:
            damaged.append(error)
        else:
            return Latest(content, tuple(f"{error}; using {name}" for error in damaged))
    if not damaged:
        raise CheckpointError(f"{folder}: has no checkpoint to resume from (no {LAST})")
    raise CheckpointError(
        f"{folder}: has no whole checkpoint to resume from; {damaged[0]}; begin the run anew in "
        "another folder"
    )


def has_run(folder: Path) -> bool:
    """Tell whether a folder holds a checkpoint to resume from, whole or not."""
    return (folder / LAST).exists() or (folder / _FRESH).exists()


def refuse_run(folder: Path, shards: str) -> None:
    """Raise RecipeError where a folder holds a run, which is not to be written over."""
    if has_run(folder):
        raise RecipeError(
            f"{folder}: holds a run already; continue it with `alextrain fit {shards} --run "
            f"{folder} --resume`, or name another --run"
        )


def load_weights(model: nn.Module, weights: Mapping[str, torch.Tensor], source: str) -> None:
    """Put weights into a model of the same shape.

    Raises:
        CheckpointError: names the first key that is missing, too many or of another shape.
    """
    own = model.state_dict()
    for name, tensor in own.items():
        if not isinstance(weights.get(name), torch.Tensor):
            raise CheckpointError(f"{source}: lacks the weights {name!r}: it is of another model")
        if weights[name].shape != tensor.shape:
            raise CheckpointError(
                f"{source}: {name!r} has shape {list(weights[name].shape)}, expected "
                f"{list(tensor.shape)}: it is of another model, width, crop or number of classes"
            )
    surplus = [name for name in weights if name not in own]
    if surplus:
        raise CheckpointError(f"{source}: has weights {surplus[0]!r} that this model lacks")
    model.load_state_dict(dict(weights))


def content_digest(content: object) -> str:
    """Return the SHA-256, in hexadecimal, of nested dicts and lists of tensors and plain values."""
    digest = hashlib.sha256()
    _feed(digest, content)
    return digest.hexdigest()


def _feed(digest: Any, value: object) -> None:
    if isinstance(value, torch.Tensor):
        digest.update(f"tensor {value.dtype} {list(value.shape)}".encode())
        flat = value.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().data)
    elif isinstance(value, Mapping):
        digest.update(f"dict {len(value)}".encode())
        for key, item in value.items():
            _feed(digest, key)
            _feed(digest, item)
    elif isinstance(value, list | tuple):
        digest.update(f"list {len(value)}".encode())
        for item in value:
            _feed(digest, item)
    elif value is None or isinstance(value, bool | int | float | str):
        digest.update(f"{type(value).__name__} {value!r}".encode())
    else:
        raise TypeError(f"a checkpoint holds tensors and plain values; got {type(value)}")


def read_plain(path: Path) -> dict[str, Any]:
    """Read a dict of tensors and plain values that torch.save wrote, whatever they mean.

    Raises:
        CheckpointError: missing, damaged, or with a pickled object in it.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: {_instead(path)}")
    try:
        with path.open("rb") as file:
            zipped = file.read(4) == b"PK\x03\x04"
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from error
    if not zipped:
        raise CheckpointError(
            f"{path}: is damaged or no checkpoint (torch writes a zip archive, this is none); "
            "use another checkpoint of the run"
        )
    _refuse_packed(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path}: holds a pickled object; it is not opened, because "
            "opening could run a program: use a checkpoint that `alextrain fit` wrote"
        ) from error
    except Exception as error:  # a flipped byte makes the reader raise anything
        reason = str(error).split("\n", 1)[0] or type(error).__name__
        raise CheckpointError(
            f"{path}: is damaged or no checkpoint ({reason}); use another checkpoint of the run"
        ) from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path}: is no checkpoint of alextrain; `alextrain fit` writes them")
    return content


def _instead(path: Path) -> str:
    """Say what is wrong with a path that is no file, and which checkpoint may be meant."""
    folder = path if path.is_dir() else path.parent
    near = [str(folder / name) for name in (BEST, LAST) if (folder / name).is_file()]
    what = "is a folder, no checkpoint" if path.is_dir() else "no such checkpoint"
    if near:
        return f"{what}; there is {' and '.join(near)}"
    return f"{what}; `alextrain fit` writes {LAST} and {BEST} into the folder of a run"


def _refuse_packed(path: Path) -> None:
    """Refuse an archive that unpacks to more than its own size, as torch.save never writes one.

    Raises:
        CheckpointError: it would fill the memory.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return  # damaged: torch says how
    if unpacked > path.stat().st_size:
        raise CheckpointError(
            f"{path}: is no checkpoint (it unpacks to {unpacked:,} bytes, more than its own size); "
            "use one that `alextrain fit` wrote"
        )
