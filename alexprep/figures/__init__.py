"""Every picture that alexprep draws, one concept a file. matplotlib is imported here alone."""

from __future__ import annotations

from alexprep.figures.augmentation import draw_augmentation
from alexprep.figures.eigenbasis import draw_eigenbasis
from alexprep.figures.every import draw_every, draw_statistics
from alexprep.figures.histograms import draw_histograms
from alexprep.figures.mean import draw_mean_image
from alexprep.figures.odd import draw_odd_files
from alexprep.figures.preview import draw_preview

__all__ = [
    "draw_augmentation",
    "draw_eigenbasis",
    "draw_every",
    "draw_histograms",
    "draw_mean_image",
    "draw_odd_files",
    "draw_preview",
    "draw_statistics",
]
