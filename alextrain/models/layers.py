"""Layers that torch lacks: the authors' spatial norm, and a full layer cut into columns."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["ColumnLinear", "SpatialResponseNorm"]


class SpatialResponseNorm(nn.Module):
    """Divide each activation by a power of the energy around it in its own map.

        b = a / (1 + 0.001/25 * sum of a^2 over 5x5)^0.75

    The sum takes zeros beyond the edge, and the divisor is 25 everywhere. The paper does not print
    this layer; its authors' config 145 has it after LRN2 (cnorm2: `rnorm`, size 5, scale 0.001,
    pow 0.75; cuda-convnet's layer.py divides the scale by size squared).
    """

    SIZE, SCALE, BETA = 5, 0.001, 0.75

    def forward(self, images: Tensor) -> Tensor:
        """Normalise [n, c, h, w] of any floating dtype, in 32 bits inside."""
        values = images.to(torch.promote_types(images.dtype, torch.float32))
        energy = F.avg_pool2d(values * values, self.SIZE, stride=1, padding=self.SIZE // 2)
        return (values * (1 + self.SCALE * energy).pow(-self.BETA)).to(images.dtype)

    def extra_repr(self) -> str:
        """Show the constants in print(model)."""
        return f"{self.SIZE}, scale={self.SCALE:g}, beta={self.BETA}"


class ColumnLinear(nn.Linear):
    """A full layer whose units see their own column of the inputs only.

    Args:
        inputs: Of all columns together, column after column.
        outputs: Units of all columns together.
        columns: Equal parts; the weights are [outputs, inputs / columns].
    """

    def __init__(self, inputs: int, outputs: int, columns: int) -> None:
        super().__init__(inputs // columns, outputs)
        self.columns = columns

    def forward(self, values: Tensor) -> Tensor:
        """Return [n, outputs] for [n, inputs]."""
        parts = zip(
            values.chunk(self.columns, 1),
            self.weight.chunk(self.columns),
            self.bias.chunk(self.columns),
            strict=True,
        )
        return torch.cat([F.linear(part, weight, bias) for part, weight, bias in parts], 1)
