"""Textures of the drawn figures: each a soft pattern over a plane, as a function of place."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from alexprep.synth.draws import Draws

Plane = NDArray[np.float32]
# (x, y), in periods, from the middle of the figure -> above 0: one colour, below: the other
Texture = Callable[[Plane, Plane], Plane]
_EDGE = 3.0  # how fast one colour turns into the other


def _wave(place: Plane) -> Plane:
    """Return a triangle wave between -1 and 1 of period 1."""
    wave: Plane = 4 * np.abs(place - np.floor(place) - np.float32(0.5)) - 1
    return wave


def _striped(x: Plane, _: Plane) -> Plane:
    return _wave(x)


def _checked(x: Plane, y: Plane) -> Plane:
    return 2 * _wave(x) * _wave(y)


def _dotted(x: Plane, y: Plane) -> Plane:
    across, down = x - np.floor(x) - np.float32(0.5), y - np.floor(y) - np.float32(0.5)
    return 6 * (np.float32(0.1) - across * across - down * down)


def _ringed(x: Plane, y: Plane) -> Plane:
    return _wave(np.sqrt(x * x + y * y))


def _rayed(x: Plane, y: Plane) -> Plane:
    return 2 * _wave(np.arctan2(y, x) * np.float32(6 / math.pi))


def _zigzag(x: Plane, y: Plane) -> Plane:
    return _wave(x + np.float32(0.5) * _wave(y * np.float32(0.6)))


def _bricked(x: Plane, y: Plane) -> Plane:
    shifted: Plane = np.float32(0.5) * (x + np.floor(y) % 2)
    joints: Plane = np.maximum(_wave(y), 2 * _wave(shifted) - 1)
    return 2 * (joints - np.float32(0.5))


def _scaled(x: Plane, y: Plane) -> Plane:
    """Return rows of half discs, each row shifted by half a disc, as fish scales."""
    row = np.floor(y)
    across = x + np.float32(0.5) * (row % 2)
    across, down = across - np.floor(across) - np.float32(0.5), y - row
    return 3 * (np.float32(0.25) - np.abs(across * across + down * down - np.float32(0.5)) * 2)


def _hatched(x: Plane, y: Plane) -> Plane:
    """Return thin lines both ways."""
    return 2 * (np.maximum(_wave(x), _wave(y)) - np.float32(0.6))


TEXTURES: dict[str, Texture] = {
    "striped": _striped,
    "dotted": _dotted,
    "checked": _checked,
    "ringed": _ringed,
    "zigzag": _zigzag,
    "rayed": _rayed,
    "hatched": _hatched,
    "scaled": _scaled,
    "bricked": _bricked,
}


def draw_texture(name: str, size: int, period: float, draws: Draws) -> NDArray[np.uint8]:
    """Draw a texture, turned and shifted at random.

    Args:
        name: One of TEXTURES.
        size: Height and width, pixels.
        period: Pixels from one stripe, dot or ring to the next.
        draws: Where turn and shift come from.

    Returns:
        uint8 [size, size]: 255 for one colour, 0 for the other, between them at the edges.
    """
    turn = draws.uniform(-0.5, 0.5)
    cos, sin = math.cos(turn) / period, math.sin(turn) / period
    place = (np.arange(size) - size / 2).astype(np.float32)
    x = (place * cos)[None, :] + (place * sin)[:, None]
    y = (place * cos)[:, None] - (place * sin)[None, :]
    if name not in ("ringed", "rayed"):  # these belong to the middle
        x += np.float32(draws.uniform(0, 1))
        y += np.float32(draws.uniform(0, 1))
    pattern = TEXTURES[name](x.astype(np.float32), y.astype(np.float32))
    levels: NDArray[np.uint8] = (np.clip(pattern * _EDGE, -1, 1) * 127.5 + 127.5).astype(np.uint8)
    return levels
