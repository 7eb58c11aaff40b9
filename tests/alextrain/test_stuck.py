"""The known stuck cases, trained: seen before the first step, named within 300 steps."""

import pytest
import torch
from torch.nn import functional as F

from alextrain.training.health import PATIENCE, StuckAlarm
from alextrain.training.metrics import Tally
from alextrain.training.setup import make_trainer
from alextrain.training.signals import describe_signals, measure_signals

from .small_runs import MACHINE, recipe

CLASSES, CROP, BATCH = 4, 99, 8


@pytest.fixture(scope="module")
def images():
    """64 generated images in levels, smooth, each class of a look of its own: [64, 3, 99, 99]."""
    generator = torch.Generator().manual_seed(0)
    looks = torch.randint(0, 256, (CLASSES, 3, 5, 5), generator=generator).float()
    labels = torch.arange(64) % CLASSES
    noise = torch.randint(-60, 61, (64, 3, 5, 5), generator=generator)
    coarse = (looks[labels] + noise).clamp(0, 255)
    return F.interpolate(coarse, (CROP, CROP), mode="bilinear"), labels


SCALES = {
    "levels less their mean": lambda x: x - x.mean(0),
    "mean and deviation": lambda x: F.batch_norm(x, None, None, training=True),
    "0 to 1": lambda x: x / 255,
}


def train(images, labels):
    """Train the paper's net with its own initialisation for 300 steps.

    Returns what is said before the first step, then {step: sentence}, and the last 100 losses.
    """
    given = recipe("paper", width=0.1, crop=CROP, batch_size=BATCH, epochs=100)
    trainer = make_trainer(given, MACHINE, CLASSES, compiled=False)
    first = describe_signals(measure_signals(trainer.model, images))
    alarm = StuckAlarm(CLASSES, given.input.normalise)
    batches = [(images[i : i + BATCH], labels[i : i + BATCH]) for i in range(0, 64, BATCH)]
    feed = (batches[step % len(batches)] for step in range(PATIENCE))
    said, losses = {}, []
    for result in trainer.train(feed, PATIENCE * BATCH, Tally(MACHINE.device)):
        losses.append(float(result.loss))
        if sentence := alarm.hear(result.step, losses[-1]):
            said[result.step] = sentence
    return first, said, losses[-100:]


@pytest.mark.parametrize("scale", ["mean and deviation", "0 to 1"])
def test_the_papers_initialisation_on_small_inputs_is_found_stuck_within_300_steps(images, scale):
    first, said, _ = train(SCALES[scale](images[0]), images[1])
    assert first.startswith("dead network: from ")
    assert 'init "paper" needs normalise "mean-image"' in first
    assert list(said) == [300]
    assert "the loss is stuck at 1.3" in said[300]


def test_the_same_on_levels_learns_and_nothing_is_said(images):
    first, said, losses = train(SCALES["levels less their mean"](images[0]), images[1])
    assert first.endswith("(alive)")
    assert said == {}
    assert sum(losses) / 100 < 1.3  # guessing: 1.386
