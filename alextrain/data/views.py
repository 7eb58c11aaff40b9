"""Which parts of an image are looked at in evaluation."""

from __future__ import annotations


def view_places(size: int, crop: int, count: int) -> list[tuple[int, int, bool]]:
    """Return (top, left, mirrored) of the views of a `size` x `size` image.

    The authors' places: the centre for one view, the four corners and the centre for five, and all
    of these mirrored for ten.
    """
    far, middle = size - crop, (size - crop) // 2
    if count == 1:
        return [(middle, middle, False)]
    assert count in (5, 10), count
    corners = [(0, 0), (0, far), (far, 0), (far, far), (middle, middle)]
    mirrors = (False, True) if count == 10 else (False,)
    return [(top, left, flip) for flip in mirrors for top, left in corners]
