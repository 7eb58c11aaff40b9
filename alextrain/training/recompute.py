"""Trade time for memory: keep only the pooled maps, compute the rest again for the backward pass.

torch.utils.checkpoint keeps the input of each stage and runs the stage a second time. A stage ends
where maps shrink, so what is kept is small: the image and the maps after each pool. (A hook that
returns None, which a known tutorial calls checkpointing, keeps everything.)
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from alextrain.models import AlexNet

__all__ = ["Recomputed", "stages"]


def stages(features: nn.Sequential) -> list[nn.Sequential]:
    """Return the convolutional layers in runs; each but the first begins behind a pool."""
    runs: list[list[nn.Module]] = [[]]
    pooled = False
    for layer in features:
        if pooled and isinstance(layer, nn.Conv2d):
            runs.append([])
            pooled = False
        pooled = pooled or isinstance(layer, nn.MaxPool2d)
        runs[-1].append(layer)
    return [nn.Sequential(*run) for run in runs]


class Recomputed(nn.Module):
    """A net whose convolutional maps are computed again in the backward pass.

    Args:
        model: Without batch normalisation, whose running statistics would count a batch twice.
            Weights stay its own, and the results are its own bit for bit.
    """

    def __init__(self, model: AlexNet) -> None:
        super().__init__()
        self._stages = nn.ModuleList(stages(model.features))
        self._classifier = model.classifier

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [n, classes] for images [n, channels, crop, crop]."""
        maps = images
        for stage in self._stages:  # nothing in them is random
            maps = checkpoint(stage, maps, use_reentrant=False, preserve_rng_state=False)
        logits: Tensor = self._classifier(maps.flatten(1))
        return logits
