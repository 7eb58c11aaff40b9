"""LRN on the CPU, and wherever else there are no kernels of ours: chunk by chunk, in few buffers.

The work is bound by memory, so it goes through buffers that stay in the cache. Each row of channels
is laid out with a gap of half a window behind it; a window sum is then a few additions of one flat
array to itself, shifted. Nothing but the input is needed for the backward pass: computing the sums
again is cheaper than reading them back.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["CHUNK", "Constants", "backward", "forward", "wide"]

# Elements at a time: a few such buffers stay in the cache. A third of it is a quarter faster on an
# idle machine and three times slower on a busy one: threads then wait more often for each other.
CHUNK = 1_000_000


class Constants(NamedTuple):
    """What one normalisation is made of."""

    size: int  # channels in a window, odd
    weight: float  # factor of the sum of squares
    beta: float
    k: float


def forward(images: Tensor, result: Tensor, constants: Constants) -> None:
    """Write the normalised activations into `result`.

    Args:
        images: rows [m, c, i] of any floating dtype; windows run along c and do not leave a row.
        result: the same shape, dtype and place.
        constants: of the formula.
    """
    work = _Workspace(images, constants)
    for start in range(0, len(images), work.rows):
        chunk = slice(start, start + work.rows)
        values = wide(images[chunk])
        power, _ = work.powers(values)
        torch.addcmul(work.zero, values, power, value=work.unit, out=result[chunk])


def backward(images: Tensor, slopes: Tensor, result: Tensor, constants: Constants) -> None:
    """Write the gradient at the activations into `result`, from that at their norm, `slopes`."""
    # s is the bracket of the formula: dx = g s^-beta - 2 w beta x window(g x s^-beta / s).
    work = _Workspace(images, constants)
    for start in range(0, len(images), work.rows):
        chunk = slice(start, start + work.rows)
        values = wide(images[chunk])
        power, root = work.powers(values)
        direct = torch.mul(slopes[chunk], power)
        spread = work.spread(direct * values, root)
        direct.addcmul_(values, spread, value=-2 * constants.beta)
        torch.mul(direct, work.unit, out=result[chunk])


def wide(values: Tensor) -> Tensor:
    """Return 16-bit values as 32-bit ones: squares above 256 overflow in half precision."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


class _Workspace:
    """The buffers of one call. All work is on s / w, which spares a pass; `unit` puts w back."""

    def __init__(self, rows: Tensor, constants: Constants) -> None:
        _, channels, inner = rows.shape
        self.constants, self.channels, self.inner = constants, channels, inner
        self.unit = constants.weight**-constants.beta
        # Other devices than the CPU have no use for chunks: every launch costs.
        self.rows = max(1, CHUNK // (channels * inner)) if rows.is_cpu else max(1, len(rows))
        self.gap = constants.size // 2 * inner
        self.length = min(self.rows, len(rows)) * (channels * inner + self.gap)
        dtype = torch.promote_types(rows.dtype, torch.float32)
        # The gaps between the rows keep these values, and nothing else is ever written there.
        share = constants.k / (constants.size * constants.weight)
        self.squares = rows.new_full((self.length + 2 * self.gap,), share, dtype=dtype)
        self.pairs = torch.empty_like(self.squares)
        self.total = torch.empty_like(self.squares)
        self.share, self.zero = self.squares.new_full((), share), self.squares.new_zeros(())

    @cached_property
    def products(self) -> Tensor:
        """Like `squares`, with gaps of zero; only the backward pass needs it."""
        return torch.zeros_like(self.squares)

    def powers(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Return s^-beta and s^-1/2 for rows [m, c, i], as views of buffers."""
        torch.addcmul(self.share, values, values, out=self._view(self.squares[self.gap :], values))
        length = self._window(self.squares, len(values))
        root = torch.rsqrt(self.total[:length], out=self.total[:length])
        if self.constants.beta == 0.75:
            power = torch.sqrt(root, out=self.pairs[:length]).mul_(root)
        else:
            power = torch.pow(root, 2 * self.constants.beta, out=self.pairs[:length])
        return self._view(power, values), self._view(root, values)

    def spread(self, products: Tensor, root: Tensor) -> Tensor:
        """Return window(products / s) for rows [m, c, i]; `root` is s^-1/2 and is overwritten."""
        middle = self._view(self.products[self.gap :], products)
        torch.mul(products, root.mul_(root), out=middle)
        self._window(self.products, len(products))
        return self._view(self.total, products)

    def _view(self, buffer: Tensor, like: Tensor) -> Tensor:
        rows, width = len(like), self.channels * self.inner + self.gap
        return buffer[: rows * width].view(rows, -1, self.inner)[:, : self.channels]

    def _window(self, source: Tensor, rows: int) -> int:
        """Sum `size` neighbours of `source` into `total`, by pairs; return the length used."""
        step, size = self.inner, self.constants.size
        length = rows * (self.channels * self.inner + self.gap)
        reach = length + (size - 3) * step
        pairs, total = self.pairs[:reach], self.total[:length]
        torch.add(source[:reach], source[step : step + reach], out=pairs)
        last = source[(size - 1) * step : (size - 1) * step + length]
        torch.add(pairs[:length], last, out=total)
        for first in range(2, size - 1, 2):
            total.add_(pairs[first * step : first * step + length])
        return length
