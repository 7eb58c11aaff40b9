"""A network without its optimiser, as safetensors: weights, statistics, and what they mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alextrain.errors import CheckpointError
from alextrain.extras import need

WEIGHTS = "model.safetensors"  # in a folder
_STATISTICS = "statistics."  # before the names of what is no weight
_SUMS = ("pixel_sum", "outer_sum")
_PLAIN = ("recipe", "settings", "classes", "words", "label_order", "fingerprint", "alexkit")
_MORE = ("torch", "progress", "result")


def is_weights(path: Path) -> bool:
    """Tell whether a path is what this module writes, by its name."""
    return path.suffix == ".safetensors" or (path / WEIGHTS).is_file()


def beside(path: Path, ending: str) -> Path:
    """Return where something made of a checkpoint goes unless it is told: NAME + ending."""
    whole = path if path.name not in ("", "..") else path.resolve()  # `alextrain export .`
    return whole.with_name(f"{whole.stem}{ending}")


def weights_bytes(content: Mapping[str, Any], notes: Mapping[str, Any]) -> bytes:
    """Return a checkpoint's content as a safetensors file.

    Args:
        content: What `load_checkpoint` gave.
        notes: More plain values to keep in the file's metadata.

    Raises:
        PackageError: safetensors is not installed.
    """
    safetensors = need("safetensors.torch", "export")
    tensors = {name: tensor.contiguous() for name, tensor in content["model"].items()}
    statistics = content["statistics"]
    tensors |= {f"{_STATISTICS}{name}": statistics[name].contiguous() for name in _SUMS}
    plain = {name: content[name] for name in (*_PLAIN, *_MORE) if name in content}
    plain["statistics"] = {k: v for k, v in statistics.items() if k not in _SUMS}
    metadata = {name: json.dumps(value) for name, value in (plain | dict(notes)).items()}
    data: bytes = safetensors.save(tensors, {"format": "pt", **metadata})
    return data


def read_weights(path: Path) -> dict[str, Any]:
    """Read back what `weights_bytes` made: a checkpoint's content without optimiser and tally.

    Args:
        path: The file, or a folder that holds it as model.safetensors.

    Raises:
        CheckpointError: missing, damaged, or weights of another program.
        PackageError: safetensors is not installed.
    """
    file = path / WEIGHTS if path.is_dir() else path
    safetensors = need("safetensors", "export")
    try:
        with safetensors.safe_open(file, "pt") as opened:
            metadata = opened.metadata() or {}
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (OSError, safetensors.SafetensorError) as error:
        raise CheckpointError(f"{file}: cannot be read ({error}); export it again") from error
    missing = [name for name in (*_PLAIN, "statistics") if name not in metadata]
    if missing:
        raise CheckpointError(
            f"{file}: are no weights of alexkit (their metadata lack {missing[0]!r}); "
            "use what `alextrain export` wrote"
        )
    try:
        content = {name: json.loads(text) for name, text in metadata.items() if name != "format"}
        content["statistics"] |= {name: tensors.pop(f"{_STATISTICS}{name}") for name in _SUMS}
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{file}: its metadata are not as `alextrain export` writes them ({error}); export it "
            "again"
        ) from error
    content["model"] = tensors
    return content
