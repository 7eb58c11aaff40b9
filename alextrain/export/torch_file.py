"""torch.export: a .pt2 file that torch runs without our code."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from alextrain.export.parity import Forward

NOTES = "alexkit.json"  # inside of the file, beside the program


def program_of(module: nn.Module, example: NDArray[Any]) -> torch.export.ExportedProgram:
    """Trace a module with a free number of images.

    Args:
        module: In evaluation mode, on the CPU.
        example: One image or more, as the module takes them.
    """
    # Twice: torch takes a batch of one for a constant.
    batch = torch.export.Dim("images", min=1)
    with torch.no_grad():
        program = torch.export.export(
            module,
            (torch.from_numpy(np.concatenate((example, example))[:2]),),
            dynamic_shapes=({0: batch},),
            strict=False,
        )
    for node in program.graph.nodes:  # whose files and folders are nobody's business
        node.meta.pop("stack_trace", None)
    return program


def program_bytes(program: torch.export.ExportedProgram, notes: str = "") -> bytes:
    """Return the file of a program, with notes (JSON) in it."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # said of every weight that came out of a checkpoint's file; all are on the CPU
        warnings.filterwarnings("ignore", "No complete tensor found", UserWarning)
        torch.export.save(program, buffer, extra_files={NOTES: notes})
    return buffer.getvalue()


def open_program(data: bytes) -> tuple[Forward, str]:
    """Load a file of ours again.

    Returns:
        The network from array to array, and the notes.
    """
    extra = {NOTES: ""}
    module = torch.export.load(io.BytesIO(data), extra_files=extra).module()

    def forward(images: NDArray[Any]) -> NDArray[np.float32]:
        with torch.inference_mode():
            found: NDArray[np.float32] = module(torch.from_numpy(images)).numpy()
        return found

    return forward, extra[NOTES]
