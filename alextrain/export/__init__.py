"""Write a trained network for other programs; each file is loaded again and compared."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from alexprep.files import canonical_json, check_writable, disk_errors, write_atomically
from alexprep.shards.manifest import Manifest
from alexprep.shards.reader import ShardReader
from alextrain.device import choose_machine
from alextrain.errors import ExportError
from alextrain.export.card import card, config
from alextrain.export.onnx_file import onnx_bytes, open_onnx, with_notes
from alextrain.export.package import Packaged, as_text, describe, prepare_as_told
from alextrain.export.parity import Forward, Parity, compare, in_batches, sample_images
from alextrain.export.torch_file import open_program, program_bytes, program_of
from alextrain.export.torchvision_file import open_state, state_bytes, state_of
from alextrain.reports.report import evaluate_network
from alextrain.training.checkpoint import load_checkpoint
from alextrain.use.network import Network
from alextrain.use.predict import Predictor
from alextrain.use.weights import WEIGHTS, beside, is_weights, read_weights, weights_bytes

SUFFIXES = {
    "torch": ".pt2",
    "onnx": ".onnx",
    "safetensors": ".safetensors",
    "timm": "-timm",
    "torchvision": "-torchvision.safetensors",
}


Facts = Mapping[str, Any]
Opener = Callable[[bytes], tuple[Forward, Facts]]


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
        DiskError: the file may not be written.
    """
    content = read_weights(checkpoint) if is_weights(checkpoint) else load_checkpoint(checkpoint)
    network = Network.of(content, str(checkpoint), choose_machine("cpu", "off"))
    target = out or beside(checkpoint, SUFFIXES[kind])
    if target.resolve() == checkpoint.resolve():
        raise ExportError(f"{target}: is the checkpoint itself; name another --out")
    if kind != "timm":  # which makes its folder
        check_writable(target)
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
    program = program_of(*_traced(job))

    def encode(facts: Facts) -> bytes:
        return program_bytes(program, canonical_json(facts).decode())

    def open_again(data: bytes) -> tuple[Forward, Facts]:
        forward, notes = open_program(data)
        return forward, json.loads(notes)

    return _write(job, encode, open_again)


def _to_onnx(job: _Job) -> Parity:
    traced = onnx_bytes(*_traced(job))
    return _write(job, lambda facts: with_notes(traced, as_text(facts)), open_onnx)


def _traced(job: _Job) -> tuple[torch.nn.Module, NDArray[Any]]:
    """Return what is traced, and two images as it takes them."""
    if job.inside:
        return Packaged(job.network), job.images[:2]
    facts = describe(job.network, inside=False)
    return job.network.model, prepare_as_told(job.images[:2], facts)


def _write(job: _Job, encode: Callable[[Facts], bytes], open_again: Opener) -> Parity:
    """Write a file that answers right if it is given what it says that it takes.

    Args:
        job: What is exported, and where to.
        encode: Facts to the file that holds them.
        open_again: That file to the network from array to array, and the facts.
    """
    facts = describe(job.network, inside=job.inside)
    forward, told = open_again(encode(facts))
    found = in_batches(forward, job.images if job.inside else prepare_as_told(job.images, told))
    if not job.inside:
        found = torch.from_numpy(found).softmax(1).numpy()
    parity = compare(job.expected, found, real=job.reader is not None).check(str(job.out))
    write_atomically(job.out, encode({**facts, "parity": parity.to_dict()}))
    return parity


def _to_safetensors(job: _Job) -> Parity:
    parity = _compare_weights(job)
    write_atomically(job.out, weights_bytes(job.content, {"parity": parity.to_dict()}))
    return parity


def _to_folder(job: _Job) -> Parity:
    parity = _compare_weights(job)
    found = []
    if job.reader is not None:
        found = [evaluate_network(job.network, job.reader, views=views) for views in (1, 10)]
    with disk_errors(job.out):
        job.out.mkdir(parents=True, exist_ok=True)
    settings = json.dumps(config(job.network, parity), indent=1, ensure_ascii=False) + "\n"
    weights = weights_bytes(job.content, {"parity": parity.to_dict()})
    write_atomically(job.out / WEIGHTS, weights)
    write_atomically(job.out / "config.json", settings.encode())
    write_atomically(job.out / "README.md", card(job.network, parity, found).encode())
    return parity


def _compare_weights(job: _Job) -> Parity:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / WEIGHTS
        write_atomically(path, weights_bytes(job.content, {}))
        again = Network.of(read_weights(path), str(path), job.network.machine)
        found = Predictor(again).probabilities(job.images)
    return compare(job.expected, found, real=job.reader is not None).check(str(job.out))


def _to_torchvision(job: _Job) -> Parity:
    state = state_of(job.network)
    return _write(
        replace(job, inside=False), lambda facts: state_bytes(state, as_text(facts)), open_state
    )


_WRITERS: dict[str, Callable[[_Job], Parity]] = {
    "torch": _to_torch,
    "onnx": _to_onnx,
    "safetensors": _to_safetensors,
    "timm": _to_folder,
    "torchvision": _to_torchvision,
}
