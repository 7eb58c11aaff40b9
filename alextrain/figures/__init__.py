"""Every picture that training draws: curves, first-layer kernels, confusions, mistakes."""

from alextrain.figures.confusion import draw_confusion
from alextrain.figures.curves import draw_curves
from alextrain.figures.kernels import draw_kernels
from alextrain.figures.mistakes import draw_mistakes

__all__ = ["draw_confusion", "draw_curves", "draw_kernels", "draw_mistakes"]
