"""Statistics, draws and references for the tests of augmentation."""

import numpy as np
import torch

from alextrain.data.augment import CHUNK
from alextrain.data.draws import Draws, draw_batch

CPU = torch.device("cpu")
SIZE, CROP, COUNT = 40, 29, 2 * CHUNK + 3
# The authors' principal axes of ILSVRC-2012 (rows R, G, B) and standard deviations along them.
AXES = np.array(
    [
        [-0.5635104535, -0.7125794529, 0.4179551317],
        [-0.5761843966, -0.0235416713, -0.8169806184],
        [-0.5920029644, 0.7011963442, 0.3973111842],
    ]
)
SIGMAS = np.array([121.78006099293066, 37.09388853298572, 19.720833049149668])
BASIS = AXES * SIGMAS
MEAN, STD = np.array([120.5, 118.25, 104.0]), np.array([70.0, 64.0, 72.5])


def draws_for(augmentation, size=SIZE, count=COUNT):
    return draw_batch(augmentation, size, 11, 3, 1000, count)


def one_draw(top=0.0, left=0.0, height=CROP, width=CROP, *, flip=False, colour=(0, 0, 0)):
    return Draws(torch.tensor([[top, left, height, width, flip, *colour]], dtype=torch.float32))


def reference(image, draw, mean, std=None, shift=0.0):
    """One image [S, S, 3] by one row of draws, cut only; plain numpy in float64."""
    top, left, height, width = (int(value) for value in draw[:4])
    mean = np.broadcast_to(np.asarray(mean, np.float64), image.shape)
    levels = np.asarray(image, np.float64) - mean
    box = levels[top : top + height, left : left + width] + shift
    box = box[:, ::-1] if draw[4] else box
    return (box if std is None else box / std).transpose(2, 0, 1)


def bilinear(box, size):
    """Resize a box [h, w, 3] to [size, size, 3], pixel by pixel, centres at one half."""
    out = np.empty((size, size, 3))
    height, width = box.shape[:2]
    for i in range(size):
        y = min(max((i + 0.5) * height / size - 0.5, 0), height - 1)
        above, below = int(y), min(int(y) + 1, height - 1)
        for j in range(size):
            x = min(max((j + 0.5) * width / size - 0.5, 0), width - 1)
            left, right = int(x), min(int(x) + 1, width - 1)
            first = box[above, left] * (1 - x % 1) + box[above, right] * (x % 1)
            second = box[below, left] * (1 - x % 1) + box[below, right] * (x % 1)
            out[i, j] = first * (1 - y % 1) + second * (y % 1)
    return out
