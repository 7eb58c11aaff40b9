"""A step on a GPU, where there is none: torch's fake tensors compute nothing and mix no devices.

They have a shape, a dtype and a device, and an operation on two of different devices is an error,
as it is on a GPU.
"""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional as F

from alexprep.shards.statistics import Statistics
from alextrain.data.draws import Draws, draw_batch
from alextrain.data.mixing import mix
from alextrain.device import Machine
from alextrain.models import build_model, lrn, lrn_cpu
from alextrain.recipes.recipe import load_recipe
from alextrain.training.metrics import Tally
from alextrain.training.setup import make_augmenter

ALL_DISTORTIONS = {
    "rotation": 10.0,
    "erasing": 0.5,
    "brightness": 0.3,
    "hue": 0.1,
    "mixup": 0.2,
    "cutmix": 0.2,
}
RECIPES = {
    "paper": {},
    "authors": {},
    "caffe": {},
    "quick": {},
    "tutorial": {},
    "six-conv": {"crops": "resized"},
    "one-tower": ALL_DISTORTIONS,
}


GPU = torch.device("cuda")


def made(shards, name):
    """An augmenter, images uint8 [4, S, S, 3] on the GPU, and draws that are not there yet."""
    statistics = Statistics.load(shards / "stats.npz")
    recipe = load_recipe(name, {"width": 0.1, "crop": 67} | RECIPES[name])
    augmenter = make_augmenter(recipe, statistics, Machine(GPU, "off"))
    size = len(statistics.pixel_sum)
    images = torch.zeros((4, size, size, 3), dtype=torch.uint8, device=GPU)
    return recipe, augmenter, images, draw_batch(augmenter.augmentation, size, 0, 0, 0, 4)


@pytest.mark.parametrize("name", RECIPES)
def test_a_step_stays_on_the_gpu(shards, monkeypatch, name):
    monkeypatch.setattr(lrn, "_kernels", lambda _: lrn_cpu)  # Triton would want a real GPU
    with FakeTensorMode():
        recipe, augmenter, images, draws = made(shards, name)
        moved = Draws(draws.table.to(GPU))
        labels, tally = torch.zeros(4, dtype=torch.int64, device=GPU), Tally(GPU)
        with GPU:
            model = build_model(recipe.network, 3, recipe.input.crop)
        views = [*augmenter.views(images, 10), augmenter(images, moved)]
        if recipe.distortions.mixes:
            views[-1], labels = mix(views[-1], labels, moved, 3)
        assert {view.device.type for view in views} == {"cuda"}
        logits = model(views[-1])
        tally.add(logits, labels)
        assert F.cross_entropy(logits, labels).device.type == "cuda"


def test_what_did_not_move_is_seen(shards):
    with FakeTensorMode():
        _, augmenter, images, draws = made(shards, "paper")
        with pytest.raises(RuntimeError, match="at least two devices"):
            augmenter(images, draws)
