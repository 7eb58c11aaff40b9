"""The moving average of the weights."""

import pytest
import torch
from torch import nn

from alextrain.training.averaging import Average


def test_the_average_is_the_sum_that_a_hand_makes():
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    average, expected = Average(model, 0.5), 0.0
    for step, weight in enumerate([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0], 1):
        nn.init.constant_(model.weight, weight)
        average.update(model, step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * weight
        assert average.model.weight.item() == pytest.approx(expected, rel=1e-6)
    assert decay == 0.5


def test_running_statistics_are_copied_and_the_model_left_alone():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    average = Average(model, 0.9)
    model(torch.randn(8, 3))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    average.update(model, 1)
    for mine, its in zip(average.model.buffers(), model.buffers(), strict=True):
        assert torch.equal(mine, its)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert not any(p.requires_grad for p in average.model.parameters())
    assert all(p.requires_grad for p in model.parameters())
