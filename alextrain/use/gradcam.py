"""Grad-CAM: which parts of a picture speak for a class, by the gradients at the last convolution.

Source: Selvaraju et al. 2017, sections 3 and 3.1.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from alextrain.use.network import Network


def grad_cam(network: Network, images: Tensor, targets: Tensor | None = None) -> Tensor:
    """Return where the evidence for a class lies, in the centre view.

    Args:
        network: In evaluation mode.
        images: uint8 [n, S, S, 3] on its device.
        targets: Classes [n] on its device; None: the first guess of each.

    Returns:
        float32 [n, h, w]: the maps of the last convolution after its ReLU, weighted by the mean
        gradients of the class's logit; nothing below 0, and 1 where it is strongest. All 0 where
        nothing speaks for the class.
    """
    kept: list[Tensor] = []
    layer = last_relu(network.model)
    handle = layer.register_forward_hook(lambda _module, _given, output: kept.append(output))
    try:
        with torch.enable_grad():
            (view,) = network.augmenter.views(images, 1)
            logits = network.model(view)
    finally:
        handle.remove()
    wanted = logits.argmax(1) if targets is None else targets
    (gradients,) = torch.autograd.grad(logits.gather(1, wanted[:, None]).sum(), kept[0])
    maps = kept[0].detach().float()
    heat = (gradients.float().mean((2, 3), keepdim=True) * maps).sum(1).relu()
    strongest = heat.amax((1, 2), keepdim=True)
    return heat / torch.where(strongest > 0, strongest, 1)


def last_relu(model: nn.Module) -> nn.Module:
    """Return the ReLU after the last convolution."""
    layers = [m for m in model.get_submodule("features").modules() if isinstance(m, nn.ReLU)]
    return layers[-1]
