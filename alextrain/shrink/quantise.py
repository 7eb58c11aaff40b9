"""Int8 beside float32: made, ready to be measured, and written with what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from alexprep.files import canonical_json, write_atomically
from alexprep.shards.reader import ShardReader
from alextrain.data.loader import read_pictures
from alextrain.errors import ExportError
from alextrain.export.onnx_file import onnx_bytes, open_onnx, with_notes
from alextrain.export.package import Packaged, as_text, describe
from alextrain.export.torch_file import open_program, program_bytes, program_of
from alextrain.shrink.measured import Candidate, Forward, Row
from alextrain.shrink.onnx_int8 import quantise_onnx, quantised_operators
from alextrain.shrink.torch_int8 import compiled, quantise_torch
from alextrain.use.network import Network

SUFFIXES = {"onnx": "-int8.onnx", "torch": "-int8.pt2"}


@dataclass(frozen=True)
class Quantised:
    """A network with int8 weights and activations, and what to measure it beside."""

    network: Network
    kind: str  # "onnx" or "torch"
    content: Any  # bytes of ONNX, or a program of torch.export
    candidates: list[Candidate]  # float32 first
    calibrated_on: int  # images

    def save(self, path: Path, rows: Sequence[Row]) -> None:
        """Write the file, with what was measured of it.

        Raises:
            DiskError: the disk is full or may not be written.
        """
        notes = describe(self.network, inside=True) | {
            "measured": [row.to_dict() for row in rows],
            "calibration": {"images": self.calibrated_on, "split": "train"},
        }
        if self.kind == "onnx":
            data = with_notes(self.content, as_text(notes))
        else:
            data = program_bytes(self.content, canonical_json(notes).decode())
        write_atomically(path, data)


def quantise(
    network: Network, images: NDArray[np.uint8], kind: str, *, compile_too: bool = False
) -> Quantised:
    """Make a network's int8 form.

    Args:
        network: On the CPU.
        images: Squares uint8 [n, S, S, 3] whose activations set the scales: of the train split.
        kind: "onnx" (for ONNX Runtime) or "torch" (by torchao).
        compile_too: For "torch": have both forms compiled as candidates too.

    Raises:
        ExportError: a part stayed in float32, or torch.compile failed.
        PackageError: a package of the extra `export` is not installed.
    """
    packaged = Packaged(network)
    before = Candidate("float32, torch", _torch_size(packaged, images), _eager(packaged))
    make = _onnx if kind == "onnx" else _torch
    content, candidates = make(packaged, images, compile_too)
    return Quantised(network, kind, content, [before, *candidates], len(images))


def calibration_images(reader: ShardReader, count: int) -> NDArray[np.uint8]:
    """Return images of a split, evenly chosen, uint8 [n, S, S, 3]."""
    numbers = np.linspace(0, len(reader) - 1, min(count, len(reader))).astype(int).tolist()
    return read_pictures(reader, numbers)


def _onnx(
    packaged: Packaged, images: NDArray[np.uint8], _compile_too: bool
) -> tuple[Any, list[Candidate]]:
    plain = onnx_bytes(packaged, images[:2])
    small = quantise_onnx(plain, images)
    heavy, quantised = quantised_operators(small)
    if quantised < heavy:
        raise ExportError(
            f"ONNX Runtime quantised {quantised} of {heavy} convolutions and full layers; nothing "
            "was written: please report this with the versions of onnx and onnxruntime"
        )
    threads = torch.get_num_threads()
    return small, [
        Candidate("float32, ONNX Runtime", len(plain), open_onnx(plain, threads)[0]),
        Candidate("int8, ONNX Runtime", len(small), open_onnx(small, threads)[0]),
    ]


def _torch(
    packaged: Packaged, images: NDArray[np.uint8], compile_too: bool
) -> tuple[Any, list[Candidate]]:
    program = quantise_torch(packaged, images)
    data = program_bytes(program)
    candidates = [Candidate("int8, torch", len(data), open_program(data)[0])]
    if compile_too:
        plain = program_of(packaged, images[:2])
        size = len(program_bytes(plain))
        for name, length, one in (("float32", size, plain), ("int8", len(data), program)):
            candidates.append(Candidate(f"{name}, compiled", length, _eager(compiled(one))))
    return program, candidates


def _torch_size(packaged: Packaged, images: NDArray[np.uint8]) -> int:
    return len(program_bytes(program_of(packaged, images[:2])))


def _eager(module: Any) -> Forward:
    def forward(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.inference_mode():
            found: NDArray[np.float32] = module(torch.from_numpy(images)).numpy()
        return found

    return forward
