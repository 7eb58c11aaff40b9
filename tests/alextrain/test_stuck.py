"""The stuck cases of writeups: found and explained by the program within 300 steps."""

import pytest
import torch

from alexprep.shards.statistics import Statistics
from alextrain.data.augment import Augmenter
from alextrain.data.draws import Augmentation
from alextrain.training.health import PATIENCE

from .small_runs import CROP, fit, recipe


def run(shards, folder, normalise, steps=PATIENCE, batch=2):
    """The paper's net and weights, so many steps; what is said."""
    given = recipe("paper", normalise=normalise, epochs=30, batch_size=batch)
    return fit(shards, folder, given, stop_after=steps, cache="ram")[1].notes


@pytest.mark.parametrize(
    ("normalise", "words"), [("unit", "scaled to 0..1"), ("mean-std", "mean/std-normalised")]
)
def test_the_papers_weights_on_small_input_are_found_and_explained(
    shards, tmp_path, normalise, words
):
    first, *later = run(shards, tmp_path / "run", normalise)
    assert first.startswith("dead network: from ")
    assert 'init "paper" needs normalise "mean-image"' in first
    (stuck,) = [note for note in later if note.startswith("step 300: the loss is ")]
    assert "guessing among the classes" in stuck
    assert f"The input is {words}, which with the paper's initialisation" in stuck
    assert "use normalise = mean-image, or init = he" in stuck


def test_on_levels_less_their_mean_the_same_weights_live(shards, tmp_path):
    assert "alive" in run(shards, tmp_path / "run", "mean-image", steps=1, batch=22)[0]


def test_unit_input_is_levels_by_255_and_comes_back(shards):
    augmentation = Augmentation(crop=CROP, crops="centre", flip=False, colour="off")
    statistics = Statistics.load(shards / "stats.npz")
    augmenter = Augmenter.of(augmentation, statistics, "unit", torch.device("cpu"))
    images = torch.arange(72 * 72 * 3).remainder(256).to(torch.uint8).reshape(1, 72, 72, 3)
    (view,) = augmenter.views(images, 1)
    assert (float(view.min()), float(view.max())) == (0.0, 1.0)
    assert torch.equal(augmenter.as_levels(view), images[:, 2:69, 2:69])
