"""Static int8 for ONNX Runtime: weights by kernel, activations by calibration (QDQ)."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alextrain.export.onnx_file import INPUT
from alextrain.extras import need

QUANTISED = ["Conv", "Gemm"]
CALIBRATION_BATCH = 16


def quantise_onnx(data: bytes, images: NDArray[np.uint8]) -> bytes:
    """Return an ONNX file with int8 weights and activations where convolutions and Gemms are.

    What lies between (LRN, pooling, softmax, the preparation) stays as it is.

    Args:
        data: What `onnx_bytes` gave.
        images: Squares uint8 [n, S, S, 3] whose activations set the scales.

    Raises:
        PackageError: onnx or onnxruntime is not installed.
    """
    onnx = need("onnx", "export")
    quantisation = need("onnxruntime.quantization", "export")
    with tempfile.TemporaryDirectory() as folder:
        given, ready, found = (Path(folder) / name for name in ("a.onnx", "b.onnx", "c.onnx"))
        given.write_bytes(data)
        root = logging.getLogger()
        level = root.level
        root.setLevel(logging.ERROR)  # it recommends its own preparation, which is done here
        try:
            # folds batch normalisation into the convolutions, whose scales are then the final ones
            quantisation.shape_inference.quant_pre_process(given, ready, skip_symbolic_shape=True)
            model = onnx.load(ready)
            # onnxruntime issue 25890: what the exporter says of a Gemm's transposed weights is
            # taken for their shape once they are quantised
            del model.graph.value_info[:]
            quantisation.quantize_static(
                model,
                found,
                _reader(quantisation, images),
                quant_format=quantisation.QuantFormat.QDQ,
                activation_type=quantisation.QuantType.QUInt8,
                weight_type=quantisation.QuantType.QInt8,
                per_channel=True,
                reduce_range=True,  # 7 bits: without VNNI the sums of 8 would overflow
                op_types_to_quantize=QUANTISED,
            )
        finally:
            root.setLevel(level)
        return found.read_bytes()


def quantised_operators(data: bytes) -> tuple[int, int]:
    """Return how many Conv and Gemm there are, and how many of them take int8 weights."""
    onnx = need("onnx", "export")
    graph = onnx.load_model_from_string(data).graph
    made_by = {name: node.op_type for node in graph.node for name in node.output}
    heavy = [node for node in graph.node if node.op_type in QUANTISED]
    quantised = [node for node in heavy if made_by.get(node.input[1]) == "DequantizeLinear"]
    return len(heavy), len(quantised)


def _reader(quantisation: Any, images: NDArray[np.uint8]) -> Any:
    batches: Iterator[dict[str, NDArray[np.uint8]]] = iter(
        [
            {INPUT: images[start : start + CALIBRATION_BATCH]}
            for start in range(0, len(images), CALIBRATION_BATCH)
        ]
    )

    class Reader(quantisation.CalibrationDataReader):  # type: ignore[misc]
        def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
            return next(batches, None)

    return Reader()
