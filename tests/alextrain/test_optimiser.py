"""The paper's update, to twelve digits, and who decays."""

import copy

import pytest
import torch
from torch import nn

from alextrain.optimiser import make_optimiser, set_rate
from alextrain.recipe import Optimiser

RATES = [0.1, 0.1, 0.1, 0.01, 0.01]
QUADRATIC = [0.899950000000, 0.719865002500, 0.485766011250, 0.270216830182, 0.073519047835]
QUADRATIC_OUTSIDE = [*QUADRATIC[:3], 0.459837013095, 0.431900245439]  # torch's own form
CONSTANT = [-0.1, -0.29, -0.561, -0.8149, -1.05341]


class Weight(nn.Module):
    """One weight, as a matrix, so that it decays."""

    def __init__(self, start):
        super().__init__()
        self.weight = nn.Parameter(torch.full((1, 1), start, dtype=torch.float64))


def path(start, slope, rates, **settings):
    """Return the weight after each step down a loss whose slope at w is slope(w)."""
    model = Weight(start)
    optimiser = make_optimiser(model, Optimiser(lr=0.5, **settings))
    weights = []
    for rate in rates:
        set_rate(optimiser, rate)
        model.weight.grad = slope(model.weight.detach())
        optimiser.step()
        weights.append(model.weight.item())
    return weights


def paper_path(start, slope, rates, decay, nesterov):
    """The paper's update as it is printed, the rate inside the velocity."""
    weight, velocity, weights = start, 0.0, []
    for rate in rates:
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
    rates = [0.01, 0.02, 0.03, 0.03, 0.003, 0.05, 0.0001, 0.01]
    expected = paper_path(1.0, lambda w: w, rates, 5e-4, nesterov)
    result = path(1.0, lambda w: w, rates, nesterov=nesterov)
    assert result == pytest.approx(expected, abs=1e-12)


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
    assert [len(group["params"]) for group in groups] == [1, 0]
