"""Initial weights: deviations, biases, and signals that keep their size at any width."""

import pytest
import torch
from torch import nn

from alextrain.models import DESIGNS, build_model, design_of, full_inputs
from alextrain.models.init import initialise
from alextrain.recipes.recipe import MODELS, Network
from alextrain.training.signals import measure_signals


def layers(model):
    kinds = (nn.Conv2d, nn.Linear)
    found = model.named_modules()
    return {n.rpartition(".")[2]: m for n, m in found if isinstance(m, kinds)}


def initialised(network, classes=10, crop=99, seed=0, channels=3):
    model = build_model(network, classes, crop, channels)
    initialise(model, network, seed)
    return model


def inputs_of(network):
    return full_inputs(design_of(network))


NETS = [*({"model": m} for m in MODELS), {"model": "authors", "links": False}]
NETS += [{"model": "paper", "pools": "disjoint"}, {"model": "paper", "border": "none"}]


@pytest.mark.parametrize("given", NETS, ids=str)
def test_the_table_of_inputs_is_that_of_the_full_net(given):
    network = Network(**given)
    with torch.device("meta"):
        full = layers(build_model(network, 1, DESIGNS[network.model].crop))
    assert inputs_of(network) == {n: layer.weight[0].numel() for n, layer in full.items()}


STDS = {  # the deviations at full width
    "paper": {},
    "authors": {"conv3": 0.03, "conv4": 0.03, "conv5": 0.03, "conv6": 0.03},
    "caffe": {"fc6": 0.005, "fc7": 0.005},
    "caffenet": {"fc6": 0.005, "fc7": 0.005},
}


@pytest.mark.parametrize("init", STDS)
def test_at_full_width_and_crop_the_deviations_are_the_published_ones(init):
    network = Network("six-conv", width=0.25, init=init)
    model = initialised(network, crop=224)
    for name, layer in layers(model).items():
        scale = (layer.weight[0].numel() / inputs_of(network)[name]) ** 0.5
        std = STDS[init].get(name, 0.01)
        assert layer.weight.std().item() * scale == pytest.approx(std, rel=0.05), name
        assert abs(layer.weight.mean().item()) * scale < std / 10, name
        mean_size = 0.7979 * std  # of a normal number: what the authors' log shows of theirs
        assert layer.weight.abs().mean().item() * scale == pytest.approx(mean_size, rel=0.05)


@pytest.mark.parametrize("classes", [10, 1000])
@pytest.mark.parametrize(
    ("init", "raised"), [("paper", 1.0), ("authors", 1.0), ("caffe", 0.1), ("caffenet", 1.0)]
)
@pytest.mark.parametrize("model", ["paper", "one-tower", "six-conv"])
def test_the_biases_of_conv_2_4_5_and_fc_6_7_are_raised_whatever_the_classes(
    model, init, raised, classes
):
    net = initialised(Network(model, width=0.02, init=init), classes)
    biases = {name: set(layer.bias.tolist()) for name, layer in layers(net).items()}
    high = {"conv2", "conv4", "conv5", "conv6", "fc6", "fc7"}
    value = torch.tensor(raised).item()
    assert biases == {name: {value} if name in high else {0.0} for name in biases}


def test_torch_is_torchs_own_from_a_seed():
    net = initialised(Network("torchvision", width=0.1, init="torch"), seed=5)
    torch.manual_seed(5)
    for name, layer in layers(net).items():
        weight, bias = layer.weight.clone(), layer.bias.clone()
        layer.reset_parameters()
        assert torch.equal(layer.weight, weight), name
        assert torch.equal(layer.bias, bias), name


def test_one_channel_starts_with_signals_as_large_as_three():
    one = initialised(Network("paper", width=0.25), crop=99, channels=1)
    three = initialised(Network("paper", width=0.25), crop=99)
    deviations = [layers(net)["conv1"].weight.std().item() for net in (one, three)]
    assert deviations[0] / deviations[1] == pytest.approx(3**0.5, rel=0.05)


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
