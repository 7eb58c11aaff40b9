"""Every picture that alextrain draws: numbers and arrays in, a PNG out."""

from alextrain.figures.confusion import draw_confusion
from alextrain.figures.curves import draw_curves
from alextrain.figures.gradcam import draw_gradcam
from alextrain.figures.kernels import draw_kernels
from alextrain.figures.maps import draw_maps
from alextrain.figures.mistakes import draw_mistakes
from alextrain.figures.neighbours import draw_neighbours

__all__ = [
    "draw_confusion",
    "draw_curves",
    "draw_gradcam",
    "draw_kernels",
    "draw_maps",
    "draw_mistakes",
    "draw_neighbours",
]
