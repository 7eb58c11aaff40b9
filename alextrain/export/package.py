"""A network as one module for other programs: input to answer, the preparation in it or not."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from alextrain.data.augment import channel_scale
from alextrain.data.views import view_places
from alextrain.use.network import Network


class Packaged(nn.Module):
    """uint8 squares to probabilities: centre crop, mean, deviation, network, softmax.

    Args:
        network: On the CPU.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.model = network.model
        self.crop = network.recipe.input.crop
        size = network.settings.size
        ((self.top, self.left, _),) = view_places(size, self.crop, 1)
        mean, scale = _constants(network)
        self.register_buffer("mean", torch.from_numpy(mean))
        self.register_buffer("scale", torch.from_numpy(scale))
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        """Return probabilities float32 [n, classes] of uint8 [n, S, S, 3]."""
        logits: Tensor = self.model(self.prepared(images))
        return logits.softmax(dim=1)

    def prepared(self, images: Tensor) -> Tensor:
        """Return what the network itself takes: float32 [n, 3, crop, crop]."""
        bottom, right = self.top + self.crop, self.left + self.crop
        levels = images[:, self.top : bottom, self.left : right].to(torch.float32)
        return ((levels - self.mean) * self.scale).permute(0, 3, 1, 2)


def _constants(network: Network) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the mean, [crop, crop, 3] or [3], and what to multiply with, [3]: see Augmenter."""
    statistics, crop = network.statistics, network.recipe.input.crop
    normalise = network.recipe.input.normalise
    if normalise in ("mean-image", "mean-centre"):  # in the centre view both agree
        ((top, left, _),) = view_places(network.settings.size, crop, 1)
        centre = statistics.mean_image[top : top + crop, left : left + crop]
        return np.ascontiguousarray(centre), np.ones(3, np.float32)
    mean, std = channel_scale(statistics, normalise)
    return mean.astype(np.float32), (1 / std).astype(np.float32)


def describe(network: Network, *, inside: bool) -> dict[str, Any]:
    """Return what a program needs to know beside the exported file, as plain values.

    Args:
        network: What is exported.
        inside: Whether cropping and scaling are part of the file.
    """
    size, crop = network.settings.size, network.recipe.input.crop
    facts: dict[str, Any] = {
        "alexkit": network.about.get("alexkit", ""),
        "classes": network.classes,
        "words": network.words,
        "settings": network.settings.to_dict(),
        "recipe": network.recipe.to_dict(),
        "fingerprint": network.about.get("fingerprint", ""),
        "result": network.about.get("result"),
        "crop": crop,
        "views": 1,
        "input": f"uint8 [n, {size}, {size}, 3], RGB levels 0..255, prepared as the settings say",
        "output": "probabilities, float32 [n, classes]",
    }
    if not inside:
        ((top, left, _),) = view_places(size, crop, 1)
        mean, scale = _constants(network)
        facts |= {
            "input": f"float32 [n, 3, {crop}, {crop}]: rows from `top` and columns from `left` of "
            f"prepared squares [n, {size}, {size}, 3], (levels - mean) * scale, channels first",
            "output": "logits, float32 [n, classes]",
            "top": top,
            "left": left,
            "mean": mean.tolist() if mean.ndim == 1 else _packed(mean),
            "mean_is": "channel means" if mean.ndim == 1 else "the middle of the mean image",
            "scale": scale.tolist(),
        }
    return facts


def _packed(image: NDArray[np.float32]) -> dict[str, Any]:
    """Return a mean image as plain values: too many numbers to be written as such."""
    data = base64.b64encode(image.astype("<f4").tobytes()).decode("ascii")
    return {"shape": list(image.shape), "dtype": "<f4", "base64": data}


def prepare_as_told(images: NDArray[np.uint8], facts: Mapping[str, Any]) -> NDArray[np.float32]:
    """Return what a file made with `inside=False` takes, by what the file says alone.

    Args:
        images: Prepared squares, uint8 [n, S, S, 3].
        facts: `describe`'s, as they were read back from the file; text or plain values.

    Returns:
        float32 [n, 3, crop, crop].
    """
    names = ("top", "left", "crop", "mean", "scale")
    told = {n: json.loads(facts[n]) if isinstance(facts[n], str) else facts[n] for n in names}
    top, left, crop, mean, scale = told.values()
    if isinstance(mean, dict):
        data = base64.b64decode(mean["base64"])
        mean = np.frombuffer(data, mean["dtype"]).reshape(mean["shape"])
    levels = images[:, top : top + crop, left : left + crop].astype(np.float32)
    crops = (levels - np.asarray(mean, np.float32)) * np.asarray(scale, np.float32)
    return np.ascontiguousarray(crops.transpose(0, 3, 1, 2))


def as_text(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return facts as metadata that formats keep: text to text; JSON where it is no text."""
    return {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in facts.items()
    }
