"""alextrain: shards to a trained and usable AlexNet.

network = alextrain.load("runs/quick/best.pt")
network.predict("photo.jpg")
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alextrain.version import __version__

if TYPE_CHECKING:
    from alextrain.use.predict import Predictor

__all__ = ["__version__", "load"]


def load(path: str | Path, device: str = "auto", amp: str = "auto") -> Predictor:
    """Load a trained network from the checkpoint that `alextrain fit` wrote.

    Args:
        path: The checkpoint, e.g. "runs/quick/best.pt". It holds all that is needed.
        device: "auto", "cpu", "cuda" (or "cuda:1") or "mps".
        amp: Reduced precision: "auto", "bf16", "fp16" or "off".

    Returns:
        A torch module in evaluation mode; its `predict` names what pictures show.

    Raises:
        CheckpointError: missing, damaged, or of another version.
        DeviceError: the device asked for is not there.
    """
    from alextrain.device import choose_machine  # noqa: PLC0415  # torch only when it is needed
    from alextrain.use.network import Network  # noqa: PLC0415
    from alextrain.use.predict import Predictor  # noqa: PLC0415

    return Predictor(Network.load(Path(path), choose_machine(device, amp)))
