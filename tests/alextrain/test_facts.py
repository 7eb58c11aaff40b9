"""Numbers of the paper and of its authors' source, as the program holds them.

A table of what the other tests leave out; parameters, shapes and LRN have tests of their own.
"""

import math

import pytest
import torch

from alextrain.models import build_model
from alextrain.models.summary import summarise
from alextrain.recipes.recipe import Network, Optimiser, load_recipe
from alextrain.studies.ablation import ABLATIONS
from alextrain.studies.published import published_for
from alextrain.training.optimiser import make_optimiser, rest_frozen

from .test_optimiser import CONSTANT, RATES, Weight, path, set_rate

# weights of the convolutions, biases apart
CONVOLUTIONS = {
    "paper": [34_848, 307_200, 884_736, 663_552, 442_368],
    "one-tower": [34_848, 614_400, 884_736, 1_327_104, 884_736],
    "torchvision": [23_232, 307_200, 663_552, 884_736, 589_824],
    "half": [17_424, 153_600, 221_184, 331_776, 442_368],
    "six-conv": [34_848, 307_200, 884_736, 663_552, 442_368, 590_080 - 256],
}
FULL = [37_748_736, 16_777_216, 4_096_000]


def shapes(model="paper"):
    with torch.device("meta"):
        net = build_model(Network(model), 1000, 224)
    return net, {n: tuple(p.shape) for n, p in net.named_parameters() if n.endswith("weight")}


@pytest.mark.parametrize("model", CONVOLUTIONS)
def test_each_layer_has_its_number_of_weights(model):
    _, found = shapes(model)
    assert [math.prod(shape) for shape in found.values()] == CONVOLUTIONS[model] + FULL


def test_weights_and_biases_of_the_paper_are_these():
    net, found = shapes()
    weights = sum(math.prod(shape) for shape in found.values())
    assert weights == 60_954_656
    assert sum(p.numel() for p in net.parameters()) - weights == 10_568


def test_figure_2_counts_neurons_and_conv1_wrongly():
    """Its list adds up to 622,312 with 253,440 for conv1, which has 290,400: 659,272 in all."""
    summary = summarise(Network("paper"), 1000, 224)
    units = {layer.name: math.prod(layer.shape) for layer in summary.layers}
    found = [units[f"conv{n}"] for n in range(1, 6)] + [units[f"fc{n}"] for n in (6, 7, 8)]
    assert found == [290_400, 186_624, 64_896, 64_896, 43_264, 4096, 4096, 1000]
    assert sum(found) == 659_272
    assert sum(found) - 290_400 + 55 * 48 * 96 == 622_312
    assert 3 * 224**2 == 150_528
    assert (224 - 11) / 4 + 1 == 54.25  # and therefore a border


def test_published_errors_are_the_sources():
    found = {
        name: [(p.views, p.top1, p.top5) for p in published_for(name, 1000)]
        for name in ("paper", "authors", "six-conv", "caffe", "caffenet", "torchvision")
    }
    one_gpu = (1, 0.42548, 0.19810)
    assert found == {
        "paper": [(10, 0.407, 0.182), one_gpu],
        "authors": [(10, 0.40664, 0.18210), one_gpu],
        "six-conv": [(10, 0.390, 0.166), one_gpu],
        "caffe": [(1, 0.429, 0.198)],
        "caffenet": [(1, 0.426, 0.196)],
        "torchvision": [(1, 0.43478, 0.20934)],
    }


# name -> the run without, the run with (top-1, top-5), from the authors' log
LOG = {
    "no-lrn": ((42.034, 19.362), (40.664, 18.210)),
    "disjoint-pools": ((41.058, 18.510), (40.664, 18.210)),
    "half": ((39.168, 18.2287), (37.4727, 16.9987)),
    "no-links": ((41.828, 19.330), (40.664, 18.210)),
}


def test_published_differences_are_those_of_the_authors_log():
    for ablation in ABLATIONS:
        if ablation.name in LOG:
            without, whole = LOG[ablation.name]
            assert ablation.top1 == round(without[0] - whole[0], 1), ablation.name
            assert ablation.top5 == round(without[1] - whole[1], 1), ablation.name


def test_the_authors_hand_moved_at_these_epochs():
    recipe = load_recipe("authors")
    schedule = recipe.schedule
    assert (schedule.milestones, recipe.epochs) == ((25, 51, 79), 91)
    assert (schedule.conv1_drop, schedule.conv1_freeze) == (67, 72)
    assert recipe.input.colour_epochs == 67
    assert (recipe.optimiser.lr, recipe.optimiser.bias_lr) == (0.01, 2)
    assert math.ceil(1_281_167 / recipe.batch_size) == 10_010


def test_paper_never_falls_below_a_thousandth_of_its_rate():
    recipe = load_recipe("paper")
    smallest = recipe.optimiser.lr * recipe.schedule.factor**recipe.schedule.drops
    assert smallest == pytest.approx(1e-5)


def test_torchs_path_down_a_constant_slope():
    result = path(0.0, torch.ones_like, RATES, weight_decay=0, velocity="without-rate")
    assert result == pytest.approx([*CONSTANT[:3], -0.59539, -0.636341], abs=1e-12)


@pytest.mark.parametrize(
    ("velocity", "late"),
    [
        ("without-rate", [2.592899815507, 2.793676765557]),
        ("with-rate", [21.554918106767, 19.669778234687]),
    ],
)
def test_the_momentum_buffer_of_torch_at_a_change_of_the_rate(velocity, late):
    model = Weight(1.0)
    optimiser = make_optimiser(model, Optimiser(lr=0.5, velocity=velocity))
    buffers = []
    for rate in RATES:
        set_rate(optimiser, rate)
        model.weight.grad = model.weight.detach().clone()
        rest_frozen(optimiser)
        optimiser.step()
        buffers.append(optimiser.state[model.weight]["momentum_buffer"].item())
    expected = [1.0005, 1.800849975, 2.340989912501, *late]
    assert buffers == pytest.approx(expected, abs=1e-11)
