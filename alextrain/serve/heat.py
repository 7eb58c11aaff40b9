"""A heat map over the picture that it belongs to, as a PNG for the page."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 320  # pixels of the PNG
# From little to much evidence, RGB levels at 0, 1/3, 2/3 and 1.
_COLOURS = np.array([(48, 18, 120), (30, 160, 200), (250, 210, 60), (200, 30, 20)], np.float64)


def overlay(view: NDArray[np.uint8], heat: NDArray[np.float32]) -> bytes:
    """Return the picture in gray with the evidence in colour.

    Args:
        view: What the network saw, uint8 [c, c, 3].
        heat: Evidence, float32 [h, w] from 0 to 1; bilinear between its points.
    """
    gray = Image.fromarray(view).convert("L").resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    map_ = Image.fromarray(heat, "F").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    levels = np.asarray(gray, np.float64)[..., None]
    strength = np.clip(np.asarray(map_, np.float64), 0, 1)
    points = np.linspace(0, 1, len(_COLOURS))
    colour = np.stack([np.interp(strength, points, part) for part in _COLOURS.T], axis=-1)
    share = 0.15 + 0.5 * strength[..., None]
    mixed = (1 - share) * levels + share * colour
    file = io.BytesIO()
    Image.fromarray(mixed.round().astype(np.uint8)).save(file, "PNG")
    return file.getvalue()
