"""Weights under torchvision's names, for its own alexnet; only model "torchvision" fits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alextrain.errors import ExportError
from alextrain.export.parity import Forward
from alextrain.extras import need
from alextrain.models.exchange import to_torchvision
from alextrain.use.network import Network


def state_of(network: Network) -> dict[str, Tensor]:
    """Return the weights as `torchvision.models.alexnet().load_state_dict` takes them.

    Raises:
        ExportError: torchvision's alexnet is another net.
    """
    table = network.recipe.network
    if table.model != "torchvision" or table.width != 1:
        raise ExportError(
            f"{network.source}: is model {table.model!r} at width {table.width:g}, which "
            "torchvision's alexnet cannot hold; it holds model 'torchvision' at width 1: use --to "
            "torch, onnx or safetensors"
        )
    weights = to_torchvision(network.model.state_dict())
    return {name: tensor.contiguous() for name, tensor in weights.items()}  # from channels last


def state_bytes(state: Mapping[str, Tensor], notes: Mapping[str, str]) -> bytes:
    """Return weights as a safetensors file with these metadata.

    Raises:
        PackageError: safetensors is not installed.
    """
    data: bytes = need("safetensors.torch", "export").save(dict(state), dict(notes))
    return data


def open_state(data: bytes) -> tuple[Forward, dict[str, str]]:
    """Load a file of ours into torchvision's alexnet; it takes crops and gives logits.

    Returns:
        The network from array to array, and the metadata.
    """
    from torchvision.models import alexnet  # noqa: PLC0415  # seconds, and `serve` needs it not

    state = need("safetensors.torch", "export").load(data)
    model = alexnet(num_classes=len(state["classifier.6.bias"])).eval()
    model.load_state_dict(state)
    length = int.from_bytes(data[:8], "little")  # of the header, which is JSON

    def forward(images: NDArray[Any]) -> NDArray[np.float32]:
        with torch.inference_mode():
            found: NDArray[np.float32] = model(torch.from_numpy(images)).numpy()
        return found

    return forward, json.loads(data[8 : 8 + length])["__metadata__"]
