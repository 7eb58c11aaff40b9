"""A decoded picture: what every reader gives, whatever the format."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from alexprep.errors import TooManyPixelsError

UPRIGHT = 1


class Decoded(NamedTuple):
    """A picture. Levels are 0..255, colours RGB, as stored: orientation is not applied."""

    # An Image of mode RGB or RGBX (X is not used), or of a large JPEG uint8 [height, width, 3].
    pixels: Image.Image | NDArray[np.uint8]
    notes: tuple[str, ...]  # fixed phrases, "converted: ..." or "repaired: ..."
    orientation: int = UPRIGHT  # as EXIF has it; 1 to 8 mean something

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        if isinstance(self.pixels, Image.Image):
            return self.pixels.size
        return self.pixels.shape[1], self.pixels.shape[0]


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Refuse a picture by its header, before any of it is decoded.

    Raises:
        TooManyPixelsError: it has more than `max_pixels`.
    """
    if width * height > max_pixels:
        raise TooManyPixelsError(
            f"{width:,} x {height:,} pixels, more than --max-pixels {max_pixels:,}"
        )
