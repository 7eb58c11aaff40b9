"""Local response normalisation: exact, several times faster than torch's, in 32 bits inside.

    b[c] = a[c] / (k + w * sum of a[j]^2 over the `size` channels around c)^beta

The paper prints w = 1e-4 (section 3.3); its authors' program divides by the size of the window
first, so the nets behind the published numbers had w = 2e-5. torch divides too: its alpha is
size * w. Channels beyond the first and the last count as zero.

On the CPU the work is bound by memory, so it goes chunk by chunk through buffers that stay in the
cache. Each row of channels is laid out with a gap of half a window behind it; a window sum is then
a few additions of one flat array to itself, shifted. Nothing but the input is kept for the
backward pass: computing the sums again is cheaper than reading them back.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

__all__ = ["CONVENTIONS", "LocalResponseNorm"]

CONVENTIONS = ("printed", "coded")
# Elements at a time: a few such buffers stay in the cache. A third of it is a quarter faster on an
# idle machine and three times slower on a busy one: threads then wait more often for each other.
CHUNK = 1_000_000


class Constants(NamedTuple):
    """What one normalisation is made of."""

    size: int  # channels in a window, odd
    weight: float  # factor of the sum of squares
    beta: float
    k: float
    groups: int  # windows stay inside each of this many equal runs of channels


class LocalResponseNorm(nn.Module):
    """Divide each activation by a power of the energy in the channels around it.

    Args:
        size: channels in a window, odd; the paper's n = 5.
        alpha: factor of the sum of squares as printed.
        beta: exponent; .75 is fast, any other works.
        k: constant beside the sum.
        convention: "printed" takes alpha as it is, "coded" divides it by `size`.
        groups: windows do not cross the borders between this many equal runs of channels
            (2: the halves that lived on the authors' two GPUs).

    Source: Krizhevsky et al. 2012, section 3.3; cuda-convnet2 layer.py (`scale /= size`).
    """

    def __init__(
        self,
        size: int = 5,
        *,
        alpha: float = 1e-4,
        beta: float = 0.75,
        k: float = 2.0,
        convention: str = "printed",
        groups: int = 1,
    ) -> None:
        super().__init__()
        if size < 3 or size % 2 == 0:
            raise ValueError(f"size must be odd and at least 3; got {size}")
        if convention not in CONVENTIONS:
            raise ValueError(f"convention must be one of {CONVENTIONS}; got {convention!r}")
        self.convention = convention
        weight = alpha if convention == "printed" else alpha / size
        self.constants = Constants(size, weight, beta, k, groups)

    def forward(self, images: Tensor) -> Tensor:
        """Normalise [n, c, h, w] of any floating dtype; dtype and memory layout stay."""
        if torch.compiler.is_compiling():  # a compiler fuses the plain formula by itself
            return _plain(images, self.constants)
        result: Tensor = _Normalise.apply(images, self.constants)
        return result

    def extra_repr(self) -> str:
        """Show the constants in print(model)."""
        size, weight, beta, k, groups = self.constants
        return f"{size}, weight={weight:g} ({self.convention}), {beta=}, {k=}, {groups=}"


class _Normalise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, constants: Constants) -> Tensor:
        images = images.contiguous(memory_format=_memory_format(images))
        ctx.save_for_backward(images)
        ctx.constants = constants
        result = torch.empty_like(images)
        rows, into = _rows(images, constants.groups), _rows(result, constants.groups)
        work = _Workspace(rows, constants)
        for start in range(0, len(rows), work.rows):
            chunk = slice(start, start + work.rows)
            values = _wide(rows[chunk])
            power, _ = work.powers(values)
            torch.addcmul(work.zero, values, power, value=work.unit, out=into[chunk])
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        # s is the bracket of the formula: dx = g s^-beta - 2 w beta x window(g x s^-beta / s).
        (images,) = ctx.saved_tensors
        constants: Constants = ctx.constants
        result = torch.empty_like(images)
        gradient = gradient.contiguous(memory_format=_memory_format(images))
        rows, slopes, into = (_rows(t, constants.groups) for t in (images, gradient, result))
        work = _Workspace(rows, constants)
        for start in range(0, len(rows), work.rows):
            chunk = slice(start, start + work.rows)
            values = _wide(rows[chunk])
            power, root = work.powers(values)
            direct = torch.mul(slopes[chunk], power)
            spread = work.spread(direct * values, root)
            direct.addcmul_(values, spread, value=-2 * constants.beta)
            torch.mul(direct, work.unit, out=into[chunk])
        return result, None


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


def _plain(images: Tensor, constants: Constants) -> Tensor:
    size, weight, beta, k, groups = constants
    count, channels, height, width = images.shape
    channels //= groups
    values = _wide(images).reshape(count, groups, channels, height, width)
    half = size // 2
    squares = F.pad(values * values, (0, 0, 0, 0, half, half))
    total = squares.narrow(2, 0, channels)
    for first in range(1, size):
        total = total + squares.narrow(2, first, channels)
    bracket = k + weight * total
    root = bracket.rsqrt()
    power = root * root.sqrt() if beta == 0.75 else bracket.pow(-beta)
    return (values * power).reshape(images.shape).to(images.dtype)


def _wide(values: Tensor) -> Tensor:
    """Return 16-bit values as 32-bit ones: squares above 256 overflow in half precision."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _memory_format(images: Tensor) -> torch.memory_format:
    if images.is_contiguous() or not images.is_contiguous(memory_format=torch.channels_last):
        return torch.contiguous_format
    return torch.channels_last


def _rows(images: Tensor, groups: int) -> Tensor:
    """View [n, c, h, w] as rows [m, c / groups, i] whose windows run along the middle."""
    count, channels, height, width = images.shape
    if images.is_contiguous():
        return images.view(count * groups, channels // groups, height * width)
    last = images.permute(0, 2, 3, 1)
    return last.view(count * height * width * groups, channels // groups, 1)
