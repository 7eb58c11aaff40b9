"""A run from its recipe to its best weights: the whole story of `alextrain fit` on one page."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from alexprep.files import lock_directory
from alextrain.augment import Augmenter
from alextrain.checkpoint import BEST, LAST, load_checkpoint, load_latest, save_checkpoint, save_last
from alextrain.data.draws import draw_batch
from alextrain.data.transfer import to_device
from alextrain.device import Machine
from alextrain.errors import RecipeError
from alextrain.evaluation import Evaluation, evaluate
from alextrain.health import StuckAlarm
from alextrain.loop import StepResult, Trainer, check_finite
from alextrain.metrics import Tally
from alextrain.recipe import Recipe
from alextrain.runlog import RunLog
from alextrain.sets import Sets
from alextrain.signals import measure_signals
from alextrain.snapshot import Colours, adopt_weights, check_same_shards, pack, unpack

SAVE_SECONDS = 600.0  # between checkpoints inside a long epoch
