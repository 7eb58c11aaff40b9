"""The nets: what the paper prints, what its authors ran, and what reimplementations get wrong."""

import pytest
import torch
from torch import nn

from alextrain.errors import RecipeError
from alextrain.models import DESIGNS, build_model
from alextrain.models.lrn import LocalResponseNorm
from alextrain.recipes.recipe import MODELS, Network

PARAMETERS = {
    "paper": 60_965_224,
    "authors": 60_965_224,
    "caffe": 60_965_224,
    "caffenet": 60_965_224,
    "one-tower": 62_378_344,
    "torchvision": 61_100_840,
    "half": 59_798_312,
    "six-conv": 61_555_304,
}
SHAPES = {  # of one image of 224 with its border, or of 227
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


def on_meta(model, classes=1000, crop=224, channels=3, **network):
    with torch.device("meta"):
        return build_model(Network(model, **network), classes, crop, channels)


def names(model):
    return [n.rpartition(".")[2] for n, m in model.named_modules() if not list(m.children())]


def convolutions(model):
    return {n: m for n, m in model.features.named_children() if isinstance(m, nn.Conv2d)}


def shapes_of(net, crop):
    shapes = {}

    def note(name):
        return lambda _, __, output: shapes.update({name.rpartition(".")[2]: output.shape[1:]})

    for name, module in net.named_modules():
        module.register_forward_hook(note(name))
    net(torch.zeros(2, 3, crop, crop, device="meta"))
    return {name: tuple(shape) for name, shape in shapes.items()}


def test_a_recipe_can_name_each_design_and_no_other():
    assert tuple(DESIGNS) == MODELS


@pytest.mark.parametrize("model", PARAMETERS)
def test_full_width_has_the_published_number_of_parameters(model):
    crop = DESIGNS[model].crop
    assert sum(p.numel() for p in on_meta(model, crop=crop).parameters()) == PARAMETERS[model]


@pytest.mark.parametrize(
    ("model", "crop"), [("paper", 224), ("paper", 227), ("authors", 224), ("caffe", 227)]
)
def test_the_shapes_are_those_of_the_paper(model, crop):
    shapes = shapes_of(on_meta(model, crop=crop), crop)
    assert {name: shapes[name] for name in SHAPES} == SHAPES


def test_conv6_lies_over_the_last_pool():
    shapes = shapes_of(on_meta("six-conv"), 224)
    assert list(shapes)[list(shapes).index("pool5") + 1] == "conv6"
    assert shapes["conv6"] == (256, 6, 6)


ORDERS = {
    "paper": "conv1 relu1 lrn1 pool1 conv2 relu2 lrn2 pool2",
    "authors": "conv1 lrn1 pool1 relu1 conv2 relu2 lrn2 spatial2 pool2",
    "caffe": "conv1 relu1 lrn1 pool1 conv2 relu2 lrn2 pool2",
    "caffenet": "conv1 relu1 pool1 lrn1 conv2 relu2 pool2 lrn2",
    "torchvision": "conv1 relu1 pool1 conv2 relu2 pool2",
    "quick": "conv1 norm1 relu1 pool1 conv2 norm2 relu2 pool2",
}


@pytest.mark.parametrize("model", ORDERS)
def test_the_order_around_the_first_two_convolutions(model):
    order = [name for name in names(on_meta(model, crop=227)) if name != "border"]
    first = ORDERS[model].split()
    assert order[: len(first)] == first
    third = order[len(first) :]
    assert [name for name in third if "norm" not in name][:4] == [
        "conv3",
        "relu3",
        "conv4",
        "relu4",
    ]


def test_dropout_comes_after_the_relus_of_fc6_and_fc7_and_in_torchvisions_before_the_layers():
    assert names(on_meta("paper"))[-7:] == ["fc6", "relu6", "drop6", "fc7", "relu7", "drop7", "fc8"]
    assert names(on_meta("torchvision"))[-8:] == (
        ["average", "drop6", "fc6", "relu6", "drop7", "fc7", "relu7", "fc8"]
    )


@pytest.mark.parametrize("model", sorted(set(MODELS) - {"six-conv"}))
def test_every_layer_but_the_last_has_its_relu(model):
    count = sum(isinstance(m, nn.ReLU) for m in on_meta(model, crop=227).modules())
    assert count == 7


LRN = {  # model -> convention, weight of the sum, k, columns
    "paper": ("printed", 1e-4, 2.0, 1),
    "authors": ("coded", 2e-5, 2.0, 2),
    "caffe": ("coded", 2e-5, 1.0, 1),
}


@pytest.mark.parametrize("model", LRN)
def test_there_are_two_lrn_and_they_are_the_models_own(model):
    norms = [m for m in on_meta(model).modules() if isinstance(m, LocalResponseNorm)]
    convention, weight, k, columns = LRN[model]
    assert len(norms) == 2
    for norm in norms:
        assert norm.convention == convention
        assert norm.constants == (5, pytest.approx(weight), 0.75, k)
        assert norm.groups == columns


def test_a_half_sees_its_own_half_except_in_conv3():
    for model in ("paper", "authors", "caffe", "quick"):
        groups = {n: m.groups for n, m in convolutions(on_meta(model)).items()}
        assert groups == {"conv1": 1, "conv2": 2, "conv3": 1, "conv4": 2, "conv5": 2}
    for model in ("one-tower", "half", "torchvision"):
        assert {m.groups for m in convolutions(on_meta(model)).values()} == {1}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("width", [0.01, 0.1, 0.25, 1.5])
def test_any_width_splits_evenly_into_halves(model, width):
    net = on_meta(model, width=width)
    for layer in convolutions(net).values():
        assert layer.out_channels % DESIGNS[model].columns == 0
        assert layer.out_channels >= 1
    assert net.classifier.fc8.out_features == 1000


SMALLEST = {"paper": 64, "authors": 64, "six-conv": 64, "caffe": 67, "torchvision": 63}
SMALLEST |= {"quick": 63, "small": 15}


@pytest.mark.parametrize("model", SMALLEST)
def test_the_smallest_crop_works_and_one_less_is_refused_by_name(model):
    smallest = SMALLEST[model]
    network = Network(model, **NARROW)
    net = build_model(network, 3, smallest).eval()
    assert net(torch.zeros(1, 3, smallest, smallest)).shape == (1, 3)
    sentence = f"crop {smallest - 1} .* model '{model}'; the smallest that works is {smallest}"
    with pytest.raises(RecipeError, match=sentence):
        build_model(network, 3, smallest - 1)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("crop", [68, 69, 70, 71, 143, 224])
def test_every_crop_classes_and_channels_in_between_fit_the_full_layers(model, crop):
    net = on_meta(model, 3, crop, channels=1, **NARROW)
    assert net(torch.zeros(1, 1, crop, crop, device="meta")).shape == (1, 3)


@pytest.mark.parametrize("model", MODELS)
def test_channels_last_and_contiguous_agree(model):
    torch.manual_seed(0)
    net = build_model(Network(model, **NARROW), 5, 99).eval()
    images = torch.randn(2, 3, 99, 99)
    expected = net(images)
    net = net.to(memory_format=torch.channels_last)
    result = net(images.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-5)


def test_dropout_is_the_recipes_and_off_in_evaluation():
    net = build_model(Network("paper", dropout=0.3, **NARROW), 5, 99)
    assert [m.p for m in net.modules() if isinstance(m, nn.Dropout)] == [0.3, 0.3]
    images = torch.randn(2, 3, 99, 99)
    assert not torch.equal(net(images), net(images))
    net.eval()
    assert torch.equal(net(images), net(images))


@pytest.mark.parametrize("model", ["authors", "quick"])
def test_the_compiled_net_gives_the_same_logits(model):
    torch.manual_seed(0)
    net = build_model(Network(model, **NARROW), 5, 67).eval()
    images = torch.randn(2, 3, 67, 67)
    compiled = torch.compile(net, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(images), net(images), rtol=1e-4, atol=1e-5)
