"""Shards to batches: order, draws, loading ahead, caching, moving to the device.

`batches` is what other programs use, for any model: docs/data.md.
"""

from alextrain.data.any_model import batches
from alextrain.data.draws import Augmentation
from alextrain.recipes.tables import Distortions

__all__ = ["Augmentation", "Distortions", "batches"]
