"""Maps computed again in the backward pass: the same numbers from less memory."""

import pytest
import torch

from alextrain.models import build_model
from alextrain.recipes.recipe import Network
from alextrain.training.recompute import Recomputed, stages

CROP = 99


def net(model="paper"):
    torch.manual_seed(0)
    return build_model(Network(model, width=0.1, dropout=0), 5, CROP)


def kept_bytes(model, call, images):
    """Bytes that autograd keeps of one call, each storage once, weights apart."""
    weights = {p.untyped_storage()._cdata for p in model.parameters()}
    storages = {}

    def pack(tensor):
        storages[tensor.untyped_storage()._cdata] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        call(images)
    return sum(t.untyped_storage().nbytes() for k, t in storages.items() if k not in weights)


@pytest.mark.parametrize("model", ["paper", "authors", "torchvision", "six-conv"])
def test_logits_and_gradients_are_the_same_bit_for_bit(model):
    plain, images = net(model), 30 * torch.randn(2, 3, CROP, CROP)
    expected = plain(images)
    expected.square().sum().backward()
    gradients = {name: p.grad for name, p in plain.named_parameters()}
    plain.zero_grad(set_to_none=True)
    logits = Recomputed(plain)(images)
    assert torch.equal(logits, expected)
    logits.square().sum().backward()
    assert all(torch.equal(p.grad, gradients[n]) for n, p in plain.named_parameters())


def test_less_than_a_fifth_of_the_memory_is_kept():
    """At full width; a tutorial's "checkpointing" kept every byte."""
    with torch.device("meta"):
        plain, images = build_model(Network("paper"), 1000, 224), torch.zeros(2, 3, 224, 224)
    whole = kept_bytes(plain, plain, images)
    less = kept_bytes(plain, Recomputed(plain), images)
    assert whole > 2 * 6_500_000
    inputs = 4 * 2 * (3 * 224**2 + 96 * 27**2 + 256 * 13**2)  # of the three stages, and no less
    assert inputs < less < whole / 5


@pytest.mark.parametrize("model", ["paper", "torchvision"])
def test_true_tensors_of_a_training_step_are_kept_less_too(model):
    """What hooks see of real numbers, dropout on, as in training; not of shapes alone."""
    torch.manual_seed(0)
    plain = build_model(Network(model, width=0.25), 5, CROP).train()
    images = 30 * torch.randn(8, 3, CROP, CROP)
    whole, less = (
        kept_bytes(plain, call, images) - images.nbytes for call in (plain, Recomputed(plain))
    )
    assert 0 < less < whole / 3  # measured: 0.16 and 0.30


def test_conv1_runs_a_second_time():
    plain, runs = net(), []
    plain.features.conv1.register_forward_hook(lambda *_: runs.append(1))
    Recomputed(plain)(torch.randn(1, 3, CROP, CROP)).sum().backward()
    assert len(runs) == 2


def test_a_stage_begins_at_the_convolution_behind_a_pool():
    names = [next(iter(stage)) for stage in stages(net().features)]
    features = net().features
    kept = [type(layer).__name__ for layer in names]
    assert kept == ["Conv2d"] * 3
    assert sum(len(stage) for stage in stages(features)) == len(features)
    coded = [len(stage) for stage in stages(net("authors").features)]
    assert coded == [4, 5, 7]
