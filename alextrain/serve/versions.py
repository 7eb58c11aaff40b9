"""A folder with versions of one model: FOLDER/1/best.pt, FOLDER/2/model.onnx and so on."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from alextrain.errors import CheckpointError

SUFFIXES = (".pt", ".onnx")
PINNED = "pinned"  # FOLDER/pinned holds the number of the version to serve


class Version(NamedTuple):
    """One version of a model."""

    name: str  # "2"; "1" where a single file is served
    path: Path  # the file


def find_versions(path: Path) -> list[Version]:
    """List what may be served, the newest first.

    Args:
        path: A single file, or a folder of numbered folders with one model in each. Other names in
            the folder are passed over, so a version may be copied as `.3` and renamed when whole.

    Raises:
        CheckpointError: nothing is there, or it cannot be listed.
    """
    if not path.is_dir():
        return [Version("1", path)]
    try:
        numbered = [each for each in path.iterdir() if each.is_dir() and _is_number(each.name)]
        newest = sorted(numbered, key=lambda folder: int(folder.name), reverse=True)
        models = [(each.name, _model_in(each)) for each in newest]
    except OSError as error:  # it went away just now, or may not be entered
        raise CheckpointError(f"{path}: cannot be listed ({error}); try again") from error
    found = [Version(name, file) for name, file in models if file is not None]
    if not found:
        raise CheckpointError(
            f"{path}: holds no version to serve; expected {path}/1/best.pt or {path}/1/model.onnx "
            "(one file in each numbered folder)"
        )
    return found


def pinned(path: Path) -> str | None:
    """Return the version that FOLDER/pinned asks for, None where there is none.

    Raises:
        CheckpointError: it holds something else.
    """
    file = path / PINNED
    if not file.is_file():
        return None
    try:
        text = file.read_text(errors="replace").strip()
    except OSError as error:
        raise CheckpointError(f"{file}: cannot be read ({error.strerror})") from error
    if not _is_number(text):
        raise CheckpointError(f"{file}: holds {text[:20]!r}; expected the number of a version")
    return text


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit() and not name.startswith("0")


def _model_in(folder: Path) -> Path | None:
    """Return the one model in a folder; None where there is none, or several."""
    files = [file for file in folder.iterdir() if file.suffix in SUFFIXES and file.is_file()]
    return files[0] if len(files) == 1 else None
