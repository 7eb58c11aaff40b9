"""Static int8 for torch, by torchao's PT2E: convolutions and full layers, for x86 processors."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from alextrain.errors import ExportError
from alextrain.export.package import Packaged
from alextrain.export.torch_file import program_of
from alextrain.extras import need

CALIBRATION_BATCH = 16
_PT2E = "torchao.quantization.pt2e"


def quantise_torch(packaged: Packaged, images: NDArray[np.uint8]) -> torch.export.ExportedProgram:
    """Return a program with int8 weights, whose scales the images have set.

    torch runs it as it is; it is only fast once torch.compile has joined what the quantiser marked.

    Args:
        packaged: The network, on the CPU.
        images: Squares uint8 [n, S, S, 3].

    Raises:
        PackageError: torchao is not installed.
    """
    logger = logging.getLogger("torch.utils._pytree")
    logger.setLevel(logging.ERROR)  # it warns of torchao's own parts, as do others
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        steps = need(f"{_PT2E}.quantize_pt2e", "export")
        x86 = need(f"{_PT2E}.quantizer.x86_inductor_quantizer", "export")
        quantiser = x86.X86InductorQuantizer()
        # 7 bits where the processor lacks VNNI: the sums of 8 would overflow
        quantiser.set_global(x86.get_default_x86_inductor_quantization_config(reduce_range=True))
        traced = program_of(packaged, images[:2]).module()
        prepared = steps.prepare_pt2e(traced, quantiser)
        with torch.inference_mode():
            for start in range(0, len(images), CALIBRATION_BATCH):
                prepared(torch.from_numpy(images[start : start + CALIBRATION_BATCH]))
        converted = steps.convert_pt2e(prepared)
        _forget_unused(converted)
        return program_of(converted, images[:2])


def compiled(program: torch.export.ExportedProgram) -> Any:
    """Return a program compiled for this processor.

    Raises:
        ExportError: there is no C++ compiler, or it failed.
    """
    import torch._inductor.config as inductor  # noqa: PLC0415  # slow, and rarely wanted
    from torch._dynamo.exc import TorchDynamoException  # noqa: PLC0415

    example = torch.from_numpy(np.zeros(_shape(program), np.uint8))
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        with inductor.patch({"freezing": True}):
            module = torch.compile(program.module(), dynamic=True)
            try:
                module(example)
            except (TorchDynamoException, RuntimeError) as error:
                raise ExportError(
                    f"torch.compile failed ({str(error).strip().splitlines()[0]}); it needs a C++ "
                    "compiler: leave --compile out"
                ) from error
    return module


def _shape(program: torch.export.ExportedProgram) -> tuple[int, ...]:
    given = program.graph_signature.user_inputs[0]
    node = next(node for node in program.graph.nodes if node.name == given)
    return (2, *node.meta["val"].shape[1:])


def _forget_unused(module: torch.fx.GraphModule) -> None:
    """Drop the float weights that the int8 ones have replaced: the file would hold both."""
    used = {node.target for node in module.graph.nodes if node.op == "get_attr"}
    for name in [name for name, _ in (*module.named_parameters(), *module.named_buffers())]:
        if name not in used:
            parent, _, leaf = name.rpartition(".")
            delattr(module.get_submodule(parent), leaf)
