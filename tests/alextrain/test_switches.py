"""The paper's ablations as switches, the input's border, and the authors' spatial norm."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from alextrain.errors import RecipeError
from alextrain.models import build_model
from alextrain.models.layers import ColumnLinear, SpatialResponseNorm
from alextrain.models.lrn import LocalResponseNorm
from alextrain.recipes.recipe import Network

from .test_models import convolutions, names, on_meta, shapes_of


def test_the_spatial_norm_gives_the_published_vector():
    image = torch.arange(1, 26, dtype=torch.float64).reshape(1, 1, 5, 5)
    result = SpatialResponseNorm()(image)[0, 0]
    assert result[0, 0].item() == pytest.approx(0.982456, abs=1e-6)
    assert result[2, 2].item() == pytest.approx(11.191972, abs=1e-6)


def test_the_spatial_norm_is_computed_in_32_bits():
    loud = torch.full((1, 1, 6, 6), 300.0)
    expected = SpatialResponseNorm()(loud)
    halved = SpatialResponseNorm()(loud.half())
    assert halved.dtype == torch.float16
    torch.testing.assert_close(halved.float(), expected, rtol=1e-3, atol=0)


def test_the_last_window_of_224_covers_three_zeros_right_and_bottom():
    net = build_model(Network("authors", width=1 / 48), 3, 224)
    image = torch.randn(1, 3, 224, 224)
    conv = net.features.conv1
    with torch.no_grad():
        ours = conv(net.features.border(image))
        widest = F.pad(image, (0, 3, 0, 3))
        last = (conv.weight * widest[..., 216:227, 216:227]).sum((1, 2, 3)) + conv.bias
    assert ours.shape[-2:] == (55, 55)
    torch.testing.assert_close(ours[0, :, -1, -1], last, rtol=1e-4, atol=1e-4)
    assert not widest[..., 224:].any()


@pytest.mark.parametrize("crop", [224, 225, 226, 227])
def test_any_input_from_224_to_227_gives_55_with_the_authors_border(crop):
    assert shapes_of(on_meta("authors", crop=crop), crop)["conv1"] == (96, 55, 55)


@pytest.mark.parametrize(
    ("border", "crop", "side"),
    [("none", 224, 54), ("none", 227, 55), ("right-bottom", 224, 55), ("around", 224, 55)],
)
def test_the_borders_by_name(border, crop, side):
    net = on_meta("paper", crop=crop, border=border)
    assert shapes_of(net, crop)["conv1"] == (96, side, side)
    assert net.features.conv1.padding == ((2, 2) if border == "around" else (0, 0))


@pytest.mark.parametrize("model", ["paper", "authors"])
def test_without_lrn_nothing_normalises_and_all_else_stays(model):
    """The authors' run 148 dropped both LRN and the spatial norm."""
    left = [name for name in names(on_meta(model)) if name[:-1] not in ("lrn", "spatial")]
    assert names(on_meta(model, lrn="off")) == left


def test_any_net_with_lrn_takes_any_convention():
    for lrn, k, weight in (("printed", 2, 1e-4), ("coded", 2, 2e-5), ("caffe", 1, 2e-5)):
        norms = [m for m in on_meta("paper", lrn=lrn).modules() if isinstance(m, LocalResponseNorm)]
        assert [(n.constants.k, n.constants.weight) for n in norms] == [
            (k, pytest.approx(weight))
        ] * 2
    with pytest.raises(RecipeError, match="lrn is 'coded', but model 'quick' has no LRN"):
        on_meta("quick", lrn="coded")


def test_disjoint_pools_have_windows_of_two_and_keep_13_and_6():
    """The authors' run 147: conv2 padded by 1, conv5 by none, so 55 28 26 13 11 6."""
    net = on_meta("authors", pools="disjoint")
    shapes = shapes_of(net, 224)
    sides = {name: shape[-1] for name, shape in shapes.items() if "c" not in name[1:]}
    expected = {"conv1": 55, "pool1": 28, "conv2": 26, "pool2": 13, "conv3": 13, "conv5": 11}
    assert {name: shapes[name][-1] for name in expected} == expected
    assert sides["pool5"] == 6
    pools = [m for m in net.modules() if isinstance(m, nn.MaxPool2d)]
    assert {(m.kernel_size, m.stride) for m in pools} == {(2, 2)}
    whole = on_meta("authors")
    count = [sum(p.numel() for p in model.parameters()) for model in (net, whole)]
    assert count[0] == count[1]


def test_without_links_each_half_of_the_image_of_fc8_depends_on_its_own_kernels():
    """The authors' run 150: 160 + 160 kernels in conv2, 4096 units in each half of fc6."""
    net = on_meta("authors", links=False)
    assert [m.groups for m in convolutions(net).values()] == [1, 2, 2, 2, 2]
    assert convolutions(net)["conv2"].out_channels == 320
    fc6, fc7 = net.classifier.fc6, net.classifier.fc7
    assert (tuple(fc6.weight.shape), tuple(fc7.weight.shape)) == ((8192, 4608), (4096, 4096))
    small = build_model(Network("paper", width=1 / 16, links=False), 4, 67).eval()
    images = torch.randn(2, 3, 67, 67)
    hidden = {}
    small.classifier.relu7.register_forward_hook(lambda _, __, out: hidden.update(now=out.clone()))
    small(images)
    before = hidden["now"]
    with torch.no_grad():
        small.features.conv1.weight[len(small.features.conv1.weight) // 2 :] += 1
    small(images)
    middle = before.shape[1] // 2
    assert torch.equal(hidden["now"][:, :middle], before[:, :middle])
    assert not torch.equal(hidden["now"][:, middle:], before[:, middle:])
    with pytest.raises(RecipeError, match="'one-tower' is one tower without links"):
        on_meta("one-tower", links=False)


def test_a_full_layer_in_columns_is_a_block_diagonal_one():
    layer = ColumnLinear(6, 4, 2)
    whole = torch.block_diag(*layer.weight.chunk(2))
    values = torch.randn(3, 6)
    torch.testing.assert_close(layer(values), values @ whole.T + layer.bias)
