"""Write a trained network for other programs; each file is loaded again and compared."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from alexprep.files import canonical_json, disk_errors, write_atomically
from alexprep.shards.manifest import Manifest
from alexprep.shards.reader import ShardReader
from alextrain.device import choose_machine
from alextrain.errors import ExportError
from alextrain.export.card import card, config
from alextrain.export.onnx_file import onnx_bytes, open_onnx, with_notes
from alextrain.export.package import Packaged, as_text, describe
from alextrain.export.parity import Forward, Parity, compare, in_batches, sample_images
from alextrain.export.torch_file import open_program, program_bytes, program_of
from alextrain.export.torchvision_file import open_state, state_of
from alextrain.extras import need
from alextrain.reports.report import evaluate_network
from alextrain.training.checkpoint import load_checkpoint
from alextrain.use.network import Network
from alextrain.use.predict import Predictor
from alextrain.use.weights import WEIGHTS, is_weights, read_weights, save_weights

SUFFIXES = {
    "torch": ".pt2",
    "onnx": ".onnx",
    "safetensors": ".safetensors",
    "timm": "-timm",
    "torchvision": "-torchvision.safetensors",
}


@dataclass(frozen=True)
class Exported:
    """What was written, and how it agrees with the checkpoint."""

    path: Path
    parity: Parity


@dataclass(frozen=True)
class _Job:
    network: Network
    content: dict[str, Any]  # of the checkpoint
    reader: ShardReader | None
    out: Path
    inside: bool  # whether cropping and scaling are part of the file
    images: NDArray[np.uint8]  # to compare on
    expected: NDArray[np.float32]  # probabilities of the checkpoint


def export(
    checkpoint: Path,
    kind: str,
    out: Path | None = None,
    shards: Path | None = None,
    *,
    inside: bool = True,
) -> Exported:
    """Write a checkpoint's network in another format, on the CPU.

    Args:
        checkpoint: What `alextrain fit` wrote.
        kind: A key of SUFFIXES.
        out: File, for "timm" folder; None: beside the checkpoint, under its name.
        shards: To compare on real images, and for the errors in a model card.
        inside: For "torch" and "onnx": whether cropping and scaling are part of the file (uint8 in,
            probabilities out), or left to the caller (float32 in, logits out).

    Raises:
        ExportError: the network cannot be written so, or what was written answers otherwise.
        PackageError: a package of the extra `export` is not installed.
        CheckpointError, ShardError: they cannot be read, or do not fit each other.
    """
    content = read_weights(checkpoint) if is_weights(checkpoint) else load_checkpoint(checkpoint)
    network = Network.of(content, str(checkpoint), choose_machine("cpu", "off"))
    target = out or checkpoint.with_name(f"{checkpoint.stem}{SUFFIXES[kind]}")
    if target.resolve() == checkpoint.resolve():
        raise ExportError(f"{target}: is the checkpoint itself; name another --out")
    reader = _reader(shards, network)
    images = sample_images(reader, network.settings.size)
    expected = Predictor(network).probabilities(images)
    job = _Job(network, content, reader, target, inside, images, expected)
    return Exported(target, _WRITERS[kind](job))


def _reader(shards: Path | None, network: Network) -> ShardReader | None:
    if shards is None:
        return None
    manifest = Manifest.load(shards)
    network.check_fits(manifest)
    return ShardReader(shards, "val" if "val" in manifest.splits else manifest.splits[0])


def _to_torch(job: _Job) -> Parity:
    module, given = _module(job)
    program = program_of(module, given[:2])
    parity = _compared(open_program(program_bytes(program))[0], given, job)
    notes = describe(job.network, inside=job.inside) | {"parity": parity.to_dict()}
    write_atomically(job.out, program_bytes(program, canonical_json(notes).decode()))
    return parity


def _to_onnx(job: _Job) -> Parity:
    module, given = _module(job)
    data = onnx_bytes(module, given[:2])
    parity = _compared(open_onnx(data)[0], given, job)
    notes = describe(job.network, inside=job.inside) | {"parity": parity.to_dict()}
    write_atomically(job.out, with_notes(data, as_text(notes)))
    return parity


def _module(job: _Job) -> tuple[torch.nn.Module, NDArray[Any]]:
    """Return what is traced, and the images as it takes them."""
    packaged = Packaged(job.network)
    if job.inside:
        return packaged, job.images
    with torch.inference_mode():
        prepared = packaged.prepared(torch.from_numpy(job.images)).contiguous()
    return job.network.model, prepared.numpy()


def _compared(forward: Forward, given: NDArray[Any], job: _Job) -> Parity:
    found = in_batches(forward, given)
    if not job.inside:
        found = torch.from_numpy(found).softmax(1).numpy()
    return compare(job.expected, found, real=job.reader is not None).check(str(job.out))


def _to_safetensors(job: _Job) -> Parity:
    parity = _compare_weights(job)
    save_weights(job.out, job.content, {"parity": parity.to_dict()})
    return parity


def _to_folder(job: _Job) -> Parity:
    parity = _compare_weights(job)
    found = []
    if job.reader is not None:
        found = [evaluate_network(job.network, job.reader, views=views) for views in (1, 10)]
    with disk_errors(job.out):
        job.out.mkdir(parents=True, exist_ok=True)
    settings = json.dumps(config(job.network, parity), indent=1, ensure_ascii=False) + "\n"
    save_weights(job.out / WEIGHTS, job.content, {"parity": parity.to_dict()})
    write_atomically(job.out / "config.json", settings.encode())
    write_atomically(job.out / "README.md", card(job.network, parity, found).encode())
    return parity


def _compare_weights(job: _Job) -> Parity:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / WEIGHTS
        save_weights(path, job.content, {})
        again = Network.of(read_weights(path), str(path), job.network.machine)
        found = Predictor(again).probabilities(job.images)
    return compare(job.expected, found, real=job.reader is not None).check(str(job.out))


def _to_torchvision(job: _Job) -> Parity:
    state = state_of(job.network)
    crops = replace(job, inside=False)
    parity = _compared(open_state(state), _module(crops)[1], crops)
    notes = describe(job.network, inside=False) | {"parity": parity.to_dict()}
    safetensors = need("safetensors.torch", "export")
    write_atomically(job.out, safetensors.save(state, as_text(notes)))
    return parity


_WRITERS: dict[str, Callable[[_Job], Parity]] = {
    "torch": _to_torch,
    "onnx": _to_onnx,
    "safetensors": _to_safetensors,
    "timm": _to_folder,
    "torchvision": _to_torchvision,
}
