"""LRN on a CUDA GPU: one Triton kernel forward, one backward, in 32 bits inside.

    s[c]  = k + w * sum of a[j]^2 over the window around c
    b[c]  = a[c] s[c]^-beta
    da[c] = g[c] s[c]^-beta - 2 w beta a[c] * sum of g[j] a[j] s[j]^(-beta - 1) over the window

A GPU waits for its memory here, and each kernel more would read and write everything once more:
as separate operations of torch the same formula takes a dozen. The backward pass makes the sums
anew from the activations rather than read them back; the values around an element are in the
processor's own cache by then.

Triton comes with torch for CUDA on Linux. Nothing here has run on a GPU yet: the tests run both
kernels in Triton's interpreter, and compile them for real GPUs without having one.
"""

# Kernels are Triton's language: their arguments have no types of Python's.
# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call"

from __future__ import annotations

from typing import Any

import torch
import triton  # type: ignore[import-untyped]
import triton.language as tl  # type: ignore[import-untyped]
from torch import Tensor

from alextrain.models.lrn_cpu import Constants

__all__ = ["backward", "forward"]

BLOCK = 1024  # elements of one program


def forward(images: Tensor, result: Tensor, constants: Constants) -> None:
    """Write the normalised activations into `result`.

    Args:
        images: rows [m, c, i] of any floating dtype on a GPU, contiguous; windows run along c and
            do not leave a row.
        result: the same shape, dtype and place.
        constants: of the formula.
    """
    _launch(_forward, (images, result), constants)


def backward(images: Tensor, slopes: Tensor, result: Tensor, constants: Constants) -> None:
    """Write the gradient at the activations into `result`, from that at their norm, `slopes`."""
    _launch(_backward, (images, slopes, result), constants)


def _launch(kernel: Any, tensors: tuple[Tensor, ...], constants: Constants) -> None:
    images = tensors[0]
    size, weight, beta, k = constants
    formula = (*images.shape[1:], size // 2, weight, beta, k)
    wide = tl.float64 if images.dtype == torch.float64 else tl.float32
    grid = (triton.cdiv(images.numel(), BLOCK),)
    with torch.cuda.device_of(images):  # Triton launches on the current device
        # With fusion a * b + c is rounded once.
        kernel[grid](*tensors, images.numel(), formula, wide, BLOCK, enable_fp_fusion=True)


@triton.jit
def _forward(images, result, total, formula: tl.constexpr, wide: tl.constexpr, block: tl.constexpr):
    channels: tl.constexpr = formula[0]
    inner: tl.constexpr = formula[1]
    half: tl.constexpr = formula[2]
    at, channel = _elements(total, channels, inner, block)
    energy = tl.full([block], 0.0, wide)
    for step in tl.static_range(-half, half + 1):
        value = _beside(images, at, channel, step, channels, inner, wide)
        energy += value * value
    root = tl.rsqrt(formula[5] + formula[3] * energy)
    value = _beside(images, at, channel, 0, channels, inner, wide) * _power(root, formula[4])
    tl.store(result + at, value.to(result.dtype.element_ty), mask=at < total)


@triton.jit
def _backward(
    images,
    slopes,
    result,
    total,
    formula: tl.constexpr,
    wide: tl.constexpr,
    block: tl.constexpr,
):
    channels: tl.constexpr = formula[0]
    inner: tl.constexpr = formula[1]
    half: tl.constexpr = formula[2]
    at, channel = _elements(total, channels, inner, block)
    direct = tl.full([block], 0.0, wide)
    spread = tl.full([block], 0.0, wide)
    for step in tl.static_range(-half, half + 1):
        energy = tl.full([block], 0.0, wide)
        for other in tl.static_range(step - half, step + half + 1):
            value = _beside(images, at, channel, other, channels, inner, wide)
            energy += value * value
        root = tl.rsqrt(formula[5] + formula[3] * energy)
        slope = _beside(slopes, at, channel, step, channels, inner, wide)
        slope *= _power(root, formula[4])
        value = _beside(images, at, channel, step, channels, inner, wide)
        spread += slope * value * root * root
        if step == 0:
            direct += slope
    value = _beside(images, at, channel, 0, channels, inner, wide)
    gradient = direct - 2 * formula[3] * formula[4] * value * spread
    tl.store(result + at, gradient.to(result.dtype.element_ty), mask=at < total)


@triton.jit
def _elements(total, channels: tl.constexpr, inner: tl.constexpr, block: tl.constexpr):
    """Return the places of this program's elements, and their channels; far off behind the last."""
    at = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    return at, tl.where(at < total, at // inner % channels, -(2**30))


@triton.jit
def _beside(
    values,
    at,
    channel,
    step: tl.constexpr,
    channels: tl.constexpr,
    inner: tl.constexpr,
    wide: tl.constexpr,
):
    """Load the values `step` channels beside `at`: zero before the first and after the last."""
    inside = (channel + step >= 0) & (channel + step < channels)
    return tl.load(values + at + step * inner, mask=inside, other=0.0).to(wide)


@triton.jit
def _power(root, beta: tl.constexpr):
    """Return s^-beta of s^-1/2."""
    if beta == 0.75:
        return root * tl.sqrt(root)
    return tl.exp(2 * beta * tl.log(root))
