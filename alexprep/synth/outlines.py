"""Outlines of the drawn figures, as polygons around (0, 0) that reach to radius 1."""

from __future__ import annotations

import math

from PIL import Image, ImageDraw

Polygon = list[tuple[float, float]]


def _circle(radius: float, x: float = 0.0) -> Polygon:
    turns = [2 * math.pi * i / 48 for i in range(48)]
    return [(x + radius * math.cos(turn), radius * math.sin(turn)) for turn in turns]


def _regular(corners: int, inner: float) -> Polygon:
    """Return a star whose inner corners lie at radius `inner`, one corner upwards."""
    points = []
    for i in range(2 * corners):
        radius = 1.0 if i % 2 == 0 else inner
        turn = math.pi * i / corners - math.pi / 2
        points.append((radius * math.cos(turn), radius * math.sin(turn)))
    return points


_CROSS = [
    (-0.3, -0.95), (0.3, -0.95), (0.3, -0.3), (0.95, -0.3), (0.95, 0.3), (0.3, 0.3),
    (0.3, 0.95), (-0.3, 0.95), (-0.3, 0.3), (-0.95, 0.3), (-0.95, -0.3), (-0.3, -0.3),
]  # fmt: skip
_ARROW = [(-0.9, -0.4), (0.1, -0.4), (0.1, -0.95), (1, 0), (0.1, 0.95), (0.1, 0.4), (-0.9, 0.4)]

# name -> what is filled, then what is cut out of it
OUTLINES: dict[str, tuple[Polygon, Polygon]] = {
    "disc": (_circle(0.95), []),
    "star": (_regular(5, 0.42), []),
    "square": ([(-0.7, -0.7), (0.7, -0.7), (0.7, 0.7), (-0.7, 0.7)], []),
    "cross": (_CROSS, []),
    "triangle": (_regular(3, 0.5), []),
    "ring": (_circle(1.0), _circle(0.45)),
    "arrow": (_ARROW, []),
    "crescent": (_circle(1.0), _circle(0.8, 0.5)),
}


def draw_mask(name: str, radius: float, turn: float, aspect: float) -> Image.Image:
    """Draw an outline, filled.

    Args:
        name: One of OUTLINES.
        radius: Pixels from the centre to the farthest corner, before stretching.
        turn: Radians.
        aspect: Horizontal stretching; 1 for none.

    Returns:
        A picture of mode L, 255 inside and 0 outside, the centre in its middle.
    """
    half = math.ceil(radius * max(aspect, 1.0)) + 1
    mask = Image.new("L", (2 * half, 2 * half))
    pencil = ImageDraw.Draw(mask)
    cos, sin = math.cos(turn), math.sin(turn)
    for polygon, fill in zip(OUTLINES[name], (255, 0), strict=True):
        corners = [
            (half + radius * aspect * (x * cos - y * sin), half + radius * (x * sin + y * cos))
            for x, y in polygon
        ]
        if corners:
            pencil.polygon(corners, fill=fill)
    return mask
