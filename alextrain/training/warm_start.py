"""Where a run may take its first weights from: a checkpoint, or torchvision's alexnet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alextrain.models.exchange import from_torchvision
from alextrain.training.checkpoint import load_checkpoint, read_plain

__all__ = ["read_start"]


def read_start(path: Path) -> dict[str, Any]:
    """Read the weights to start from.

    Args:
        path: A checkpoint that `alextrain fit` wrote, or the state of torchvision's alexnet
            (alexnet-owt-7be5be79.pth, or what torch.save wrote of `alexnet().state_dict()`).

    Returns:
        A checkpoint's content; of torchvision's state its "model" and "classes" alone.

    Raises:
        CheckpointError: missing, damaged, with a pickled object in it, or of another model.
    """
    content = read_plain(path)
    if "features.0.weight" not in content:
        return load_checkpoint(path)
    weights = from_torchvision(content)
    classes = len(weights["classifier.fc8.bias"])
    return {"model": weights, "classes": [str(number) for number in range(classes)]}
