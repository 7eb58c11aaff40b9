"""From a picture of any size to a square: named integer rules, carried out by one resize call.

A rule first gives whole numbers: the size of the resized picture and the place of the square in
it. `box` turns them into the part of the original that the square shows, so that nothing outside
it is ever computed: at most 1 level from resizing first and cropping then.

Source: torchvision/transforms/functional.py (resize, center_crop); cuda-convnet2's
make-data/make-data.py and pyext/src/pyext.cpp; Caffe's readme ("convert -resize 256x256!").
"""

from __future__ import annotations

import math

Box = tuple[float, float, float, float]  # left, top, right, bottom, in pixels of the original


def resized_size(width: int, height: int, size: int, geometry: str) -> tuple[int, int]:
    """Return width and height of the whole picture once resized, before the square is cut.

    Args:
        width: Of the original, pixels, at least 1.
        height: Of the original.
        size: Side of the square.
        geometry: "torchvision": the longer side truncated; "cuda-convnet2": rounded, half away
            from zero; "warp": both sides become `size`, whatever the picture's shape.
    """
    if geometry == "warp":
        return size, size
    longer = _truncated if geometry == "torchvision" else _rounded
    if width <= height:
        return size, longer(size, height, width)
    return longer(size, width, height), size


def crop_offset(width: int, height: int, size: int, geometry: str) -> tuple[int, int]:
    """Return left and top of the centred square in a resized picture.

    torchvision rounds half to even (259 -> 2, 257 -> 0), cuda-convnet2 rounds down (259 -> 1).
    """
    if geometry == "torchvision":
        return round((width - size) / 2.0), round((height - size) / 2.0)
    return (width - size) // 2, (height - size) // 2


def box(width: int, height: int, size: int, geometry: str) -> Box:
    """Return the part of the original that `Image.resize((size, size), box=...)` is to show."""
    new_width, new_height = resized_size(width, height, size, geometry)
    left, top = crop_offset(new_width, new_height, size, geometry)
    return (
        left * width / new_width,
        top * height / new_height,
        (left + size) * width / new_width,
        (top + size) * height / new_height,
    )


def _truncated(size: int, long: int, short: int) -> int:
    return int(size * long / short)


def _rounded(size: int, long: int, short: int) -> int:
    return math.floor(size / short * long + 0.5)
