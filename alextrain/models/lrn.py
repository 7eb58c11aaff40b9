"""Local response normalisation: exact, fast, in 32 bits inside, on the CPU and on a GPU.

    b[c] = a[c] / (k + w * sum of a[j]^2 over the `size` channels around c)^beta

The paper prints w = 1e-4 (section 3.3); its authors' program divides by the size of the window
first, so the nets behind the published numbers had w = 2e-5. torch divides too: its alpha is
size * w. Channels beyond the first and the last count as zero.

On CUDA one kernel each way does it all (lrn_cuda.py), elsewhere few buffers (lrn_cpu.py). Nothing
but the input is kept for the backward pass.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from alextrain.models.lrn_cpu import Constants, wide

__all__ = ["CONVENTIONS", "LocalResponseNorm"]

CONVENTIONS = ("printed", "coded")


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
        self.constants, self.groups = Constants(size, weight, beta, k), groups

    def forward(self, images: Tensor) -> Tensor:
        """Normalise [n, c, h, w] of any floating dtype; dtype and memory layout stay."""
        if torch.compiler.is_compiling():  # a compiler fuses the plain formula by itself
            return _plain(images, self.constants, self.groups)
        result: Tensor = _Normalise.apply(images, self.constants, self.groups)
        return result

    def extra_repr(self) -> str:
        """Show the constants in print(model)."""
        size, weight, beta, k = self.constants
        groups = self.groups
        return f"{size}, weight={weight:g} ({self.convention}), {beta=}, {k=}, {groups=}"


class _Normalise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, constants: Constants, groups: int) -> Tensor:
        images = images.contiguous(memory_format=_memory_format(images))
        ctx.save_for_backward(images)
        ctx.constants, ctx.groups = constants, groups
        result = torch.empty_like(images)
        rows, into = _rows(images, groups), _rows(result, groups)
        _kernels(rows).forward(rows, into, constants)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (images,) = ctx.saved_tensors
        result = torch.empty_like(images)
        gradient = gradient.contiguous(memory_format=_memory_format(images))
        rows, slopes, into = (_rows(t, ctx.groups) for t in (images, gradient, result))
        _kernels(rows).backward(rows, slopes, into, ctx.constants)
        return result, None, None


def _kernels(images: Tensor) -> Any:
    ours = images.is_cuda and find_spec("triton")  # it comes with torch, but not for Windows
    return import_module(f"alextrain.models.{'lrn_cuda' if ours else 'lrn_cpu'}")


def _plain(images: Tensor, constants: Constants, groups: int) -> Tensor:
    size, weight, beta, k = constants
    count, channels, height, width = images.shape
    channels //= groups
    values = wide(images).reshape(count, groups, channels, height, width)
    half = size // 2
    squares = F.pad(values * values, (0, 0, 0, 0, half, half))
    total = squares.narrow(2, 0, channels)
    for first in range(1, size):
        total = total + squares.narrow(2, first, channels)
    bracket = k + weight * total
    root = bracket.rsqrt()
    power = root * root.sqrt() if beta == 0.75 else bracket.pow(-beta)
    return (values * power).reshape(images.shape).to(images.dtype)


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
