"""The paper's colour augmentation: one shift of a whole image, along the axes of colour."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from alextrain.data.draws import Augmentation


def noise_axes(augmentation: Augmentation, basis: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return what one unit of each normal draw adds to R, G, B: levels, columns [3, 3]."""
    axes = np.asarray(basis, np.float64) * augmentation.colour_scale
    if augmentation.colour == "lambda":
        axes = axes * np.linalg.norm(basis, axis=0) / 255
    return axes.astype(np.float32)


def shifts(colour: Tensor, axes: Tensor) -> Tensor:
    """Return the shift of each image, levels [n, 3], for its three normal draws [n, 3].

    Sums of products, one by one: a matrix product may round in another way on each device.
    """
    parts = [colour[:, k, None] * axes[:, k] for k in range(3)]
    return (parts[0] + parts[1]) + parts[2]
