"""Weights to and from torchvision's alexnet."""

import pytest
import torch
from torchvision.models import alexnet

from alextrain.errors import CheckpointError
from alextrain.models import build_model
from alextrain.models.exchange import from_torchvision, to_torchvision
from alextrain.recipes.recipe import Network


@pytest.fixture(scope="module")
def theirs():
    torch.manual_seed(1)
    return alexnet(num_classes=7).eval()


@pytest.fixture(scope="module")
def ours():
    return build_model(Network("torchvision"), 7, 224).eval()


def test_both_ways_the_outputs_are_equal(theirs, ours):
    images = torch.randn(2, 3, 99, 99)
    own = {name: tensor.clone() for name, tensor in ours.state_dict().items()}
    ours.load_state_dict(from_torchvision(theirs.state_dict()))
    with torch.no_grad():
        assert torch.equal(ours(images), theirs(images))
        theirs.load_state_dict(to_torchvision(own))
        ours.load_state_dict(own)
        assert torch.equal(ours(images), theirs(images))


def test_weights_of_another_net_are_refused(ours):
    state = ours.state_dict()
    with pytest.raises(CheckpointError, match="not that of torchvision's alexnet"):
        from_torchvision(state)
    with pytest.raises(CheckpointError, match=r"is of another model .*'features.conv1.bias'"):
        to_torchvision({k: v for k, v in state.items() if k != "features.conv1.bias"})
