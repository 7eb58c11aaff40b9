"""Live and dead nets, told apart before the first step."""

import copy

import pytest
import torch
from torch.nn import functional as F

from alextrain.models import DESIGNS, build_model
from alextrain.models.init import initialise
from alextrain.recipes.recipe import Network
from alextrain.training.signals import ALIVE, Signal, dead_layers, describe_signals, measure_signals

CROP = 99


@pytest.fixture(scope="module")
def levels():
    """Generated images in levels, smooth as photographs are: [32, 3, 99, 99]."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randint(0, 256, (32, 3, 13, 13), generator=generator).float()
    return F.interpolate(coarse, (CROP, CROP), mode="bilinear")


SCALES = {
    "levels less their mean": lambda x: x - x.mean(0),
    "mean and deviation": lambda x: (x - x.mean()) / x.std(),
    "0 to 1": lambda x: x / 255,
}


def signals_of(network, images):
    model = build_model(network, 10, CROP)
    initialise(model, network, 0)
    return measure_signals(model, images)


@pytest.mark.parametrize(("model", "width"), [("paper", 1.0), ("paper", 0.25), ("one-tower", 0.25)])
def test_the_papers_initialisation_lives_on_levels_and_dies_on_less(levels, model, width):
    network = Network(model, width=width)
    alive = signals_of(network, SCALES["levels less their mean"](levels))
    assert alive[-1].share > 2 * ALIVE
    assert dead_layers(alive) == []
    assert describe_signals(alive).endswith("(alive)")
    for scale in ("mean and deviation", "0 to 1"):
        dead = signals_of(network, SCALES[scale](levels))
        assert dead[-1].share < ALIVE / 1.5, scale
        assert "fc8" in dead_layers(dead)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("network", [("quick", "he"), ("paper", "he"), ("quick", "paper")])
def test_batch_normalisation_or_hes_initialisation_live_on_any_scale(levels, network, scale):
    model, init = network
    signals = signals_of(Network(model, width=0.25, init=init), SCALES[scale](levels))
    assert signals[-1].share > 20 * ALIVE


def test_batch_normalisation_is_measured_as_it_trains_on_this_batch(levels):
    network = Network("quick", width=0.1, init="he")
    first, second = signals_of(network, levels)[1], signals_of(network, levels / 255)[1]
    assert second.size == pytest.approx(first.size, rel=0.01)


def test_the_sentence_names_the_first_dead_layer_and_the_remedy(levels):
    sentence = describe_signals(signals_of(Network("paper", width=0.25), levels / 255))
    assert sentence.startswith("dead network: from conv")
    assert 'init "paper" needs normalise "mean-image"' in sentence


def test_equal_images_and_zeros_are_dead(levels):
    network = Network("quick", width=0.1, init="he")
    assert "fc8" in dead_layers(signals_of(network, levels[:1].expand(8, -1, -1, -1)))
    assert dead_layers([Signal("fc8", 0.0, 0.0)]) == ["fc8"]
    assert dead_layers([Signal("fc8", float("nan"), float("nan"))]) == ["fc8"]


@pytest.mark.parametrize("model", DESIGNS)
def test_each_layer_is_measured_and_the_model_left_as_it_was(levels, model):
    network = Network(model, width=0.1)
    net = build_model(network, 10, CROP)
    before, state = copy.deepcopy(net.state_dict()), torch.get_rng_state()
    signals = measure_signals(net, levels)
    order = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]
    assert [s.layer for s in signals if s.layer != "conv6"] == order
    assert net.training
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)


def test_the_signal_is_what_a_hand_computes():
    net = torch.nn.Sequential()
    net.add_module("fc", torch.nn.Linear(1, 1))
    torch.nn.init.constant_(net.fc.weight, 2.0)
    torch.nn.init.constant_(net.fc.bias, 10.0)
    (signal,) = measure_signals(net, torch.tensor([[-1.0], [1.0]]))  # outputs 8 and 12
    assert (signal.layer, signal.between) == ("fc", pytest.approx(2.0))
    assert signal.size == pytest.approx(((8**2 + 12**2) / 2) ** 0.5)
    assert signal.share == pytest.approx(2.0 / 104**0.5)
