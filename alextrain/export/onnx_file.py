"""ONNX, by torch's current exporter, run again by ONNX Runtime."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from alextrain.errors import ExportError
from alextrain.export.parity import Forward
from alextrain.extras import need

OPSET = 20
INPUT, OUTPUT = "images", "answers"


def onnx_bytes(module: nn.Module, example: NDArray[Any]) -> bytes:
    """Return a module as an ONNX file with a free number of images.

    Args:
        module: In evaluation mode, on the CPU.
        example: One image or more, as the module takes them.

    Raises:
        PackageError: onnx or onnxscript is not installed.
    """
    need("onnx", "export")
    need("onnxscript", "export")
    # Twice: torch takes a batch of one for a constant.
    batch = torch.export.Dim("n", min=1)
    with torch.no_grad(), _quietly():
        program = torch.onnx.export(
            module,
            (torch.from_numpy(np.concatenate((example, example))[:2]),),
            dynamo=True,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: batch},),
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    for part in (model.graph, *model.functions):
        for node in part.node:  # traces with the files and folders of this machine
            node.ClearField("metadata_props")
    data: bytes = model.SerializeToString()
    return data


def with_notes(data: bytes, notes: Mapping[str, str]) -> bytes:
    """Return an ONNX file with these metadata."""
    onnx = need("onnx", "export")
    model = onnx.load_model_from_string(data)
    onnx.helper.set_model_props(model, dict(notes))
    onnx.checker.check_model(model, full_check=True)
    written: bytes = model.SerializeToString()
    return written


def open_onnx(data: bytes, threads: int = 0) -> tuple[Forward, dict[str, str]]:
    """Load an ONNX file with ONNX Runtime on the CPU.

    Args:
        data: The file.
        threads: That compute; 0: all cores.

    Returns:
        The network from array to array, and the metadata.

    Raises:
        PackageError: onnxruntime is not installed.
        ExportError: this is no ONNX file of one input, or a damaged one; so does the network where
            it cannot take what it is given.
    """
    runtime = need("onnxruntime", "export")
    told = need("onnxruntime.capi.onnxruntime_pybind11_state", "export")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors
    damaged = (told.InvalidProtobuf, told.InvalidGraph, told.InvalidArgument, told.Fail)
    try:
        session = runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except (*damaged, told.NotImplemented) as error:
        raise ExportError("no ONNX file that ONNX Runtime can run, or a damaged one") from error
    inputs = session.get_inputs()
    if len(inputs) != 1:
        raise ExportError(f"a network of {len(inputs)} inputs, expected one")
    name = inputs[0].name

    def forward(images: NDArray[Any]) -> NDArray[np.float32]:
        try:
            found: NDArray[np.float32] = session.run(None, {name: images})[0]
        except damaged as error:
            raise ExportError(
                f"ONNX Runtime cannot compute it for {images.dtype} {list(images.shape)} "
                f"({str(error).splitlines()[0]})"
            ) from error
        return found

    return forward, dict(session.get_modelmeta().custom_metadata_map)


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Keep the exporter's progress and its warnings of its own parts from the screen."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
