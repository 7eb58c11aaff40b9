"""The nets: what the paper prints, and what its reimplementations get wrong."""

import pytest
import torch
from torch import nn

from alextrain.errors import RecipeError
from alextrain.lrn import LocalResponseNorm
from alextrain.models import MODELS, build_model
from alextrain.recipe import Network

PARAMETERS = {"paper": 60_965_224, "one-tower": 62_378_344}
SHAPES = {  # of one image of 227
    "conv1": (96, 55, 55),
    "pool1": (96, 27, 27),
    "conv2": (256, 27, 27),
    "pool2": (256, 13, 13),
    "conv3": (384, 13, 13),
    "conv4": (384, 13, 13),
    "conv5": (256, 13, 13),
    "pool5": (256, 6, 6),
    "fc6": (4096,),
    "fc7": (4096,),
    "fc8": (1000,),
}
NARROW = {"width": 1 / 16}


def on_meta(model, classes=1000, crop=227, **network):
    with torch.device("meta"):
        return build_model(Network(model, **network), classes, crop)


def names(model):
    return [n.rpartition(".")[2] for n, m in model.named_modules() if not list(m.children())]


@pytest.mark.parametrize("model", PARAMETERS)
def test_full_width_has_the_published_number_of_parameters(model):
    assert sum(p.numel() for p in on_meta(model).parameters()) == PARAMETERS[model]


def test_the_shapes_are_those_of_the_paper():
    net = build_model(Network("paper", width=1 / 8), 1000, 227)
    shapes = {}

    def note(name):
        return lambda _, __, output: shapes.update({name.rpartition(".")[2]: output.shape})

    for name, module in net.named_modules():
        module.register_forward_hook(note(name))
    net(torch.zeros(2, 3, 227, 227))
    for name, (units, *sides) in SHAPES.items():
        expected = units if name == "fc8" else units // 8
        assert tuple(shapes[name]) == (2, expected, *sides), name


def test_the_order_is_convolution_relu_lrn_pool_and_relu_dropout():
    order = names(on_meta("paper"))
    assert order[:8] == ["conv1", "relu1", "lrn1", "pool1", "conv2", "relu2", "lrn2", "pool2"]
    assert order[8:15] == ["conv3", "relu3", "conv4", "relu4", "conv5", "relu5", "pool5"]
    assert order[15:] == ["fc6", "relu6", "drop6", "fc7", "relu7", "drop7", "fc8"]


def test_lrn_is_the_printed_one_and_there_are_two():
    norms = [m for m in on_meta("paper").modules() if isinstance(m, LocalResponseNorm)]
    assert [(n.convention, *n.constants) for n in norms] == [("printed", 5, 1e-4, 0.75, 2.0, 1)] * 2


def test_a_half_sees_its_own_half_except_in_conv3():
    groups = {n: m.groups for n, m in on_meta("paper").features.named_children() if "conv" in n}
    assert groups == {"conv1": 1, "conv2": 2, "conv3": 1, "conv4": 2, "conv5": 2}
    tower = on_meta("one-tower").features
    assert {m.groups for m in tower if isinstance(m, nn.Conv2d)} == {1}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("width", [0.01, 0.1, 0.25, 1.5])
def test_any_width_splits_evenly_into_halves(model, width):
    net = on_meta(model, width=width)
    for layer in net.features:
        if isinstance(layer, nn.Conv2d):
            assert layer.out_channels % 2 == 0 or MODELS[model][1] == 1
            assert layer.out_channels >= 1
    assert net.classifier.fc8.out_features == 1000


@pytest.mark.parametrize(("model", "smallest"), [("paper", 67), ("one-tower", 67), ("quick", 63)])
def test_the_smallest_crop_works_and_one_less_is_refused_by_name(model, smallest):
    network = Network(model, **NARROW)
    net = build_model(network, 3, smallest).eval()
    assert net(torch.zeros(1, 3, smallest, smallest)).shape == (1, 3)
    sentence = f"crop {smallest - 1} .* model '{model}'; the smallest that works is {smallest}"
    with pytest.raises(RecipeError, match=sentence):
        build_model(network, 3, smallest - 1)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("crop", [68, 100, 143, 224])
def test_every_crop_in_between_fits_the_full_layers(model, crop):
    net = build_model(Network(model, **NARROW), 3, crop).eval()
    assert net(torch.zeros(1, 3, crop, crop)).shape == (1, 3)


@pytest.mark.parametrize("model", MODELS)
def test_channels_last_and_contiguous_agree(model):
    torch.manual_seed(0)
    net = build_model(Network(model, **NARROW), 5, 99).eval()
    images = torch.randn(2, 3, 99, 99)
    expected = net(images)
    net = net.to(memory_format=torch.channels_last)
    result = net(images.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-5)


def test_quick_normalises_each_convolution_before_its_relu_and_the_pool():
    order = names(on_meta("quick"))
    assert order[:8] == ["conv1", "norm1", "relu1", "pool1", "conv2", "norm2", "relu2", "pool2"]
    assert order.count("norm5") == 1
    assert order[-7:] == ["fc6", "relu6", "drop6", "fc7", "relu7", "drop7", "fc8"]


def test_dropout_is_the_recipes_and_off_in_evaluation():
    net = build_model(Network("paper", dropout=0.3, **NARROW), 5, 99)
    assert [m.p for m in net.modules() if isinstance(m, nn.Dropout)] == [0.3, 0.3]
    images = torch.randn(2, 3, 99, 99)
    assert not torch.equal(net(images), net(images))
    net.eval()
    assert torch.equal(net(images), net(images))


@pytest.mark.parametrize("model", MODELS)
def test_the_compiled_net_gives_the_same_logits(model):
    torch.manual_seed(0)
    net = build_model(Network(model, **NARROW), 5, 67).eval()
    images = torch.randn(2, 3, 67, 67)
    compiled = torch.compile(net, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(images), net(images), rtol=1e-4, atol=1e-5)
