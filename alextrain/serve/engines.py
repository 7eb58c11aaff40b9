"""A file made ready to answer: a checkpoint by torch or ONNX Runtime, an exported file by that."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from alexprep.settings import PrepSettings
from alexprep.threads import usable_cores
from alextrain.data.views import view_places
from alextrain.device import Machine
from alextrain.errors import CheckpointError, ExportError
from alextrain.export.onnx_file import onnx_bytes, open_onnx
from alextrain.export.package import Packaged
from alextrain.export.parity import compare, in_batches, sample_images
from alextrain.serve.heat import overlay
from alextrain.serve.served import Heat, Served
from alextrain.use.gradcam import grad_cam
from alextrain.use.network import AGAIN, Network, check_names
from alextrain.use.predict import Predictor

_KEYS = ("classes", "words", "settings", "input")


def load_served(path: Path, machine: Machine, engine: str = "auto") -> Served:
    """Make a network ready to answer.

    Args:
        path: A checkpoint, weights, or what `alextrain export --to onnx` wrote.
        machine: Device and precision.
        engine: "torch"; "onnx": ONNX Runtime on the CPU; "auto": that where the device is the CPU.

    Raises:
        CheckpointError: it cannot be read, or the engine cannot run it.
        PackageError: a package of the engine is not installed.
    """
    on_cpu = machine.device.type == "cpu"
    if path.suffix == ".onnx":
        if engine == "torch":
            raise CheckpointError(f"{path}: is for ONNX Runtime; --engine torch needs a checkpoint")
        return _exported(path)
    if engine == "onnx" and not on_cpu:
        raise CheckpointError(f"{path}: --engine onnx computes on the CPU; add --device cpu")
    network = Network.load(path, machine)
    return _in_onnx(network) if on_cpu and engine != "torch" else _in_torch(network)


def _in_torch(network: Network) -> Served:
    return Served(
        source=network.source,
        engine=f"torch, {network.machine.describe()}",
        settings=network.settings,
        classes=network.classes,
        words=network.words,
        forward=Predictor(network).probabilities,
        heat=_heat(network),
    )


def _in_onnx(network: Network) -> Served:
    """Export in memory, and compare with the network as `alextrain export` does."""
    images = sample_images(None, network.settings.size)
    data = onnx_bytes(Packaged(network), images[:2])
    forward, _ = open_onnx(data, usable_cores())
    expected = Predictor(network).probabilities(images)
    compare(expected, in_batches(forward, images), real=False).check(network.source)
    return Served(
        source=network.source,
        engine=_runtime(),
        settings=network.settings,
        classes=network.classes,
        words=network.words,
        forward=forward,
        heat=_heat(network),
    )


def _exported(path: Path) -> Served:
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file; `alextrain export --to onnx` writes them")
    try:
        forward, notes = open_onnx(path.read_bytes(), usable_cores())
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from error
    except ExportError as error:
        raise CheckpointError(f"{path}: {error}") from error
    missing = [key for key in _KEYS if key not in notes]
    if missing:
        raise CheckpointError(
            f"{path}: does not say how it is used (its metadata lack {missing[0]!r}); serve what "
            "`alextrain export --to onnx` wrote"
        )
    if not notes["input"].startswith("uint8"):
        raise CheckpointError(
            f"{path}: takes {notes['input']}; export it again with --preprocess inside"
        )
    try:
        told = {key: json.loads(notes[key]) for key in ("classes", "words", "settings")}
        settings = PrepSettings.from_dict(told["settings"])
    except (ValueError, TypeError) as error:
        raise CheckpointError(
            f"{path}: its metadata are not as this program writes them ({error}); {AGAIN}"
        ) from error
    check_names(told["classes"], told["words"], str(path))
    return Served(
        source=str(path),
        engine=_runtime(),
        settings=settings,
        classes=told["classes"],
        words=told["words"],
        forward=forward,
    )


def _runtime() -> str:
    return f"ONNX Runtime, CPU, {usable_cores()} threads"


def _heat(network: Network) -> Heat:
    crop = network.recipe.input.crop
    ((top, left, _),) = view_places(network.settings.size, crop, 1)

    def heat(square: NDArray[np.uint8]) -> bytes:
        images = torch.tensor(square[None], device=network.machine.device)
        found: NDArray[np.float32] = grad_cam(network, images)[0].cpu().numpy()
        return overlay(square[top : top + crop, left : left + crop], found)

    return heat
