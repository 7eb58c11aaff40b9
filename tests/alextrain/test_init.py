"""Initial weights: deviations, biases, and signals that keep their size at any width."""

import pytest
import torch
from torch import nn

from alextrain.init import initialise
from alextrain.models import MODELS, build_model, full_inputs
from alextrain.recipe import Network
from alextrain.signals import measure_signals


def layers(model):
    kinds = (nn.Conv2d, nn.Linear)
    found = model.named_modules()
    return {n.rpartition(".")[2]: m for n, m in found if isinstance(m, kinds)}


def initialised(network, classes=10, crop=99, seed=0):
    model = build_model(network, classes, crop)
    initialise(model, network, seed)
    return model


@pytest.mark.parametrize("model", MODELS)
def test_the_table_of_inputs_is_that_of_the_full_net(model):
    network = Network(model)
    with torch.device("meta"):
        full = layers(build_model(network, 1, 227))
    assert full_inputs(network) == {n: layer.weight[0].numel() for n, layer in full.items()}


def test_at_the_papers_width_and_crop_the_deviation_is_a_hundredth():
    network = Network("paper", width=0.25)
    model = initialised(network, crop=227)
    for name, layer in layers(model).items():
        scale = (layer.weight[0].numel() / full_inputs(network)[name]) ** 0.5
        assert layer.weight.std().item() * scale == pytest.approx(0.01, rel=0.05), name
        assert abs(layer.weight.mean().item()) * scale < 0.001, name


@pytest.mark.parametrize("classes", [10, 1000])
@pytest.mark.parametrize("model", ["paper", "one-tower"])
def test_the_biases_of_conv_2_4_5_and_fc_6_7_are_one_whatever_the_classes(model, classes):
    net = initialised(Network(model, width=0.1), classes)
    biases = {name: set(layer.bias.tolist()) for name, layer in layers(net).items()}
    ones = {"conv2", "conv4", "conv5", "fc6", "fc7"}
    assert biases == {name: {1.0} if name in ones else {0.0} for name in biases}


@pytest.mark.parametrize(("width", "crop"), [(0.25, 143), (0.5, 99)])
def test_signals_keep_their_size_at_any_width_and_crop(width, crop):
    images = 60 * torch.randn(16, 3, 227, 227, generator=torch.Generator().manual_seed(1))
    images = nn.functional.avg_pool2d(images, 3, stride=1, padding=1)
    full = measure_signals(initialised(Network("paper"), crop=227), images)
    narrow = initialised(Network("paper", width=width), crop=crop)
    for mine, its in zip(measure_signals(narrow, images[..., :crop, :crop]), full, strict=True):
        assert mine.between == pytest.approx(its.between, rel=0.6), mine.layer
        assert mine.size == pytest.approx(its.size, rel=0.5), mine.layer


def test_he_gives_every_layer_outputs_of_one_size():
    net = initialised(Network("quick", width=0.25, init="he"))
    deviations = {
        n: m.weight.std().item() * m.weight[0].numel() ** 0.5 for n, m in layers(net).items()
    }
    expected = dict.fromkeys(deviations, 2**0.5) | {"fc8": 1.0}
    assert deviations == pytest.approx(expected, rel=0.1)
    assert not any(m.bias.any() for m in layers(net).values() if m.bias is not None)


def test_the_seed_alone_decides():
    network = Network("paper", width=0.1)
    torch.manual_seed(5)
    first = initialised(network, seed=3).state_dict()
    torch.manual_seed(6)
    again, other = (
        initialised(network, seed=3).state_dict(),
        initialised(network, seed=4).state_dict(),
    )
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["features.conv1.weight"], other["features.conv1.weight"])
