"""The paper's update, to twelve digits, and who decays."""

import copy

import pytest
import torch
from torch import nn

from alextrain.errors import RecipeError
from alextrain.models import build_model
from alextrain.recipes.recipe import Network, Optimiser, load_recipe
from alextrain.training.optimiser import make_optimiser, rest_frozen, set_rates
from alextrain.training.setup import make_model

RATES = [0.1, 0.1, 0.1, 0.01, 0.01]
QUADRATIC = [0.899950000000, 0.719865002500, 0.485766011250, 0.270216830182, 0.073519047835]
QUADRATIC_OUTSIDE = [*QUADRATIC[:3], 0.459837013095, 0.431900245439]  # torch's own form
CONSTANT = [-0.1, -0.29, -0.561, -0.8149, -1.05341]


class Weight(nn.Module):
    """One weight, as a matrix, so that it decays."""

    def __init__(self, start):
        super().__init__()
        self.weight = nn.Parameter(torch.full((1, 1), start, dtype=torch.float64))


def set_rate(optimiser, rate):
    set_rates(optimiser, {group["part"]: rate for group in optimiser.param_groups})


def path(start, slope, rates, **settings):
    """Return the weight after each step down a loss whose slope at w is slope(w)."""
    model = Weight(start)
    optimiser = make_optimiser(model, Optimiser(lr=0.5, **settings))
    weights = []
    for rate in rates:
        set_rate(optimiser, rate)
        model.weight.grad = slope(model.weight.detach())
        rest_frozen(optimiser)
        optimiser.step()
        weights.append(model.weight.item())
    return weights


def paper_path(start, slope, rates, decay, nesterov):
    """The paper's update as it is printed, the rate inside the velocity."""
    weight, velocity, weights = start, 0.0, []
    for rate in rates:
        if rate == 0:  # the update is skipped, the velocity kept
            weights.append(weight)
            continue
        push = rate * (slope(weight) + decay * weight)
        velocity = 0.9 * velocity - push
        weight += 0.9 * velocity - push if nesterov else velocity
        weights.append(weight)
    return weights


def test_a_quadratic_goes_down_the_papers_path():
    assert path(1.0, lambda w: w, RATES) == pytest.approx(QUADRATIC, abs=1e-12)


def test_a_constant_slope_goes_down_the_papers_path():
    result = path(0.0, torch.ones_like, RATES, weight_decay=0)
    assert result == pytest.approx(CONSTANT, abs=1e-12)


def test_without_the_rate_in_the_velocity_it_is_torchs_path():
    result = path(1.0, lambda w: w, RATES, velocity="without-rate")
    assert result == pytest.approx(QUADRATIC_OUTSIDE, abs=1e-12)


@pytest.mark.parametrize("nesterov", [False, True])
def test_any_sequence_of_rates_follows_the_printed_update(nesterov):
    rates = [0.01, 0.02, 0.03, 0.03, 0.003, 0.0, 0.0, 0.05, 0.0001, 0.0, 0.01]
    expected = paper_path(1.0, lambda w: w, rates, 5e-4, nesterov)
    result = path(1.0, lambda w: w, rates, nesterov=nesterov)
    assert result == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("rates", [RATES, [0.1, 0.1, 0.0, 0.01, 0.0]], ids=["drop", "frozen"])
def test_velocities_are_those_of_the_table(rates):
    """u = rate b after each step: facts to 12 digits; the buffer is ten times as large at .01."""
    model = Weight(1.0)
    optimiser = make_optimiser(model, Optimiser(lr=0.5))
    velocity, weight, found = 0.0, 1.0, []
    for rate in rates:
        set_rate(optimiser, rate)
        model.weight.grad = model.weight.detach().clone()
        rest_frozen(optimiser)
        optimiser.step()
        buffer = optimiser.state[model.weight]["momentum_buffer"].item()
        found.append(-buffer * optimiser.param_groups[0]["velocity_rate"])
        if rate:
            velocity = 0.9 * velocity - 0.0005 * rate * weight - rate * weight
            weight += velocity
        assert found[-1] == pytest.approx(velocity, abs=1e-12)
        assert model.weight.item() == pytest.approx(weight, abs=1e-12)
    if rates is RATES:
        expected = [-0.10005, -0.1800849975, -0.234098991250, -0.215549181068, -0.196697782347]
        assert found == pytest.approx(expected, abs=1e-12)
        assert buffer == pytest.approx(19.669778234687, abs=1e-12)


def test_without_the_rescaling_a_tenth_of_the_rate_loses_8_1_velocities():
    """(m / (1 - m)) (1 - new / old) u, on a slope of 0 after the change."""

    def end(velocity):
        slopes = iter([torch.ones(1, 1).double()] + [torch.zeros(1, 1).double()] * 400)
        rates = [0.1] + [0.01] * 400
        return path(0.0, lambda _: next(slopes), rates, weight_decay=0, velocity=velocity)[-1]

    lost = end("without-rate") - end("with-rate")
    assert lost == pytest.approx(8.1 * 0.1, rel=1e-9)


def test_biases_go_at_their_own_rate_through_their_own_velocity():
    model = nn.Linear(1, 1).double()
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    optimiser = make_optimiser(model, Optimiser(lr=0.1, weight_decay=0))
    for weights, biases in ((0.1, 0.2), (0.1, 0.2), (0.1, 0.2), (0.01, 0.2), (0.01, 0.02)):
        set_rates(optimiser, {"weights": weights, "biases": biases})
        for parameter in model.parameters():
            parameter.grad = torch.ones_like(parameter)
        optimiser.step()
    assert model.weight.item() == pytest.approx(CONSTANT[-1], abs=1e-12)
    expected = paper_path(0.0, lambda _: 1.0, [0.2] * 4 + [0.02], 0, nesterov=False)
    assert model.bias.item() == pytest.approx(expected[-1], abs=1e-12)


def test_conv1_stands_apart_where_a_schedule_rules_it():
    with torch.device("meta"):
        model = build_model(Network("paper", width=0.1), 3, 99)
    groups = make_optimiser(model, Optimiser(lr=0.1), conv1_apart=True).param_groups
    assert {g["part"]: len(g["params"]) for g in groups} == {
        "weights": 7,
        "biases": 7,
        "conv1 weights": 1,
        "conv1 biases": 1,
    }
    assert {g["part"]: g["weight_decay"] for g in groups if g["weight_decay"]} == {
        "weights": 5e-4,
        "conv1 weights": 5e-4,
    }


@pytest.mark.parametrize(("update", "kind"), [("adam", "Adam"), ("adamw", "AdamW")])
def test_adam_is_torchs(update, kind):
    ours, theirs = Weight(1.0), Weight(1.0)
    settings = {"lr": 0.1, "weight_decay": 0.1}
    first = make_optimiser(ours, Optimiser(update=update, **settings))
    second = getattr(torch.optim, kind)(theirs.parameters(), betas=(0.9, 0.999), **settings)
    for rate in (0.1, 0.1, 0.02):
        set_rate(first, rate)
        second.param_groups[0]["lr"] = rate
        for model, optimiser in ((ours, first), (theirs, second)):
            model.weight.grad = model.weight.detach() ** 2
            optimiser.step()
    assert ours.weight.item() == pytest.approx(theirs.weight.item(), rel=1e-12)


def test_biases_decay_only_where_asked():
    groups = make_optimiser(nn.Linear(2, 2), Optimiser(lr=0.1, decay_biases=True)).param_groups
    assert [g["weight_decay"] for g in groups] == [5e-4, 5e-4]


def test_only_weights_decay():
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)).double()
    before = copy.deepcopy(model)
    optimiser = make_optimiser(model, Optimiser(lr=0.1, weight_decay=0.5))
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    nn.init.ones_(before[0].bias)
    model.load_state_dict(before.state_dict())
    optimiser.step()
    torch.testing.assert_close(model[0].weight, before[0].weight * (1 - 0.1 * 0.5))
    assert torch.equal(model[0].bias, before[0].bias)
    assert torch.equal(model[1].weight, before[1].weight)


def test_a_state_put_back_goes_on_as_if_never_interrupted():
    whole = path(1.0, lambda w: w, RATES)
    model, state = Weight(1.0), None
    for rate in RATES:  # a new optimiser for each step, from the state of the one before
        optimiser = make_optimiser(model, Optimiser(lr=0.5))
        if state is not None:
            optimiser.load_state_dict(state)
        set_rate(optimiser, rate)
        model.weight.grad = model.weight.detach().clone()
        optimiser.step()
        state = copy.deepcopy(optimiser.state_dict())
    assert model.weight.item() == whole[-1]


def test_frozen_weights_are_left_out():
    model = nn.Linear(2, 2)
    model.bias.requires_grad = False
    groups = make_optimiser(model, Optimiser(lr=0.1)).param_groups
    assert [(group["part"], len(group["params"])) for group in groups] == [("weights", 1)]


def test_a_layer_has_its_own_rate_and_one_of_zero_rests():
    recipe = load_recipe("quick", {"width": 0.05, "layer_rates": ["fc8=10", "conv1=0"]})
    model = make_model(recipe, 3)
    optimiser = make_optimiser(model, recipe.optimiser)
    set_rates(optimiser, {"weights": 0.1, "biases": 0.2})
    rate_of = {id(p): group["lr"] for group in optimiser.param_groups for p in group["params"]}
    rates = {name: rate_of[id(p)] for name, p in model.named_parameters()}
    assert rates["classifier.fc8.weight"] == 1.0
    assert rates["classifier.fc8.bias"] == 2.0
    assert rates["classifier.fc7.weight"] == 0.1
    still = {"features.conv1.weight", "features.norm1.weight", "features.norm1.bias"}
    assert still <= {name for name, rate in rates.items() if rate == 0}
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    rest_frozen(optimiser)
    optimiser.step()
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert moved == {name for name, rate in rates.items() if rate}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("conv9=1", "no layer 'conv9'; there are conv1, conv2"),
        ("conv1", "give LAYER=FACTOR"),
        ("conv1=-1", "a factor from 0 up"),
        ("conv1=nan", "a factor from 0 up"),
    ],
)
def test_a_rate_for_no_layer_is_refused(given, words):
    recipe = load_recipe("paper", {"width": 0.05, "layer_rates": [given]})
    with pytest.raises(RecipeError, match=words):
        make_optimiser(make_model(recipe, 3), recipe.optimiser)
