"""Mixup and cutmix: pairs of neighbours, whoever has them, with labels in the same shares."""

import pytest
import torch
from torch.nn import functional as F

from alextrain.data import Augmentation, batches
from alextrain.data.draws import Draws
from alextrain.data.mixing import mix, with_partners
from alextrain.device import choose_machine
from alextrain.ranks import Ranks
from alextrain.recipes.recipe import load_recipe
from alextrain.recipes.tables import Distortions
from alextrain.training.feed import Feed
from alextrain.training.loop import Progress
from alextrain.training.metrics import Tally
from alextrain.training.sets import open_sets
from alextrain.training.setup import make_augmenter, make_trainer

MACHINE = choose_machine("cpu")
SMALL = {"width": 0.05, "crop": 67, "mixup": 0.4, "cutmix": 1.0, "rotation": 10, "erasing": 0.3}


def draws_of(rows):
    table = torch.zeros(len(rows), 22)
    table[:, 17:] = torch.tensor(rows, dtype=torch.float32)
    return Draws(table)


def test_each_image_is_weighed_against_its_neighbour():
    pictures = torch.randn(5, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1, 2, 2, 1])
    rows = [[0.7, 0, 0, 0, 0], [0.2, 0, 0, 0, 0], [0.75, 1, 2, 5, 6], [1, 0, 0, 0, 0]]
    mixed, shares = mix(pictures, labels, draws_of([*rows, [0.5, 0, 0, 0, 0]]), 3)
    torch.testing.assert_close(mixed[0], 0.7 * pictures[0] + 0.3 * pictures[1])
    torch.testing.assert_close(mixed[1], 0.2 * pictures[1] + 0.8 * pictures[0])
    boxed = pictures[2].clone()
    boxed[:, 1:5, 2:6] = pictures[3, :, 1:5, 2:6]
    assert torch.equal(mixed[2], boxed)
    assert torch.equal(mixed[3], pictures[3])
    torch.testing.assert_close(mixed[4], pictures[4])  # the last of an odd epoch is its own
    expected = [[0.7, 0.3, 0], [0.8, 0.2, 0], [0, 0, 1], [0, 0, 1], [0, 1, 0]]
    torch.testing.assert_close(shares, torch.tensor(expected))


def test_partners_are_loaded_with_those_who_need_them():
    assert with_partners(range(3, 6), 22) == range(2, 6)
    assert with_partners(range(4, 7), 22) == range(4, 8)
    assert with_partners(range(18, 21), 21) == range(18, 21)
    assert with_partners(range(20, 21), 21) == range(20, 21)
    assert not with_partners(range(5, 5), 22)


def epoch_of(shards, batch_size, ranks, epoch=1, **settings):
    """Return what each process sees in an epoch, batch by batch."""
    recipe = load_recipe("paper", SMALL | {"batch_size": batch_size} | settings)
    found = []
    for rank in ranks:
        sets = open_sets(shards, recipe, MACHINE, cache="off", workers=1, ranks=rank)
        augmenter = make_augmenter(recipe, sets.statistics, MACHINE)
        feed = Feed(sets, recipe, augmenter, rank)
        found.append(list(feed.batches(Progress(epoch=epoch))))
        sets.train.close()
    return found


@pytest.fixture(scope="module")
def alone(shards):
    (found,) = epoch_of(shards, 4, [Ranks(0, 1)])
    return [torch.cat(parts) for parts in zip(*found, strict=True)]


@pytest.mark.parametrize(("batch_size", "processes"), [(5, 1), (7, 1), (5, 2), (5, 3), (22, 4)])
def test_neither_batch_size_nor_processes_change_what_is_seen(shards, alone, batch_size, processes):
    ranks = [Ranks(rank, processes) for rank in range(processes)]
    steps = list(zip(*epoch_of(shards, batch_size, ranks), strict=True))
    together = [
        torch.cat([share[part] for step in steps for share in step if len(share[part])])
        for part in (0, 1)
    ]
    assert torch.equal(together[0], alone[0])
    assert torch.equal(together[1], alone[1])
    assert (alone[1].max(dim=1).values < 1).any()


def test_the_loader_for_any_model_mixes_too(shards):
    augmentation = Augmentation(40, distortions=Distortions(mixup=0.5))
    whole = list(batches(shards, batch_size=5, augmentation=augmentation, epoch=3))
    rest = list(batches(shards, batch_size=5, augmentation=augmentation, epoch=3, seen=10))
    assert [tuple(shares.shape) for _, shares in whole] == [(5, 3)] * 4 + [(2, 3)]
    for ours, theirs in zip(whole[2:], rest, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_the_loss_of_a_mixture_is_the_mixture_of_losses(shards):
    """With smoothing too; and the largest share is what an answer is judged by."""
    recipe = load_recipe("paper", {"width": 0.05, "crop": 67, "label_smoothing": 0.1})
    trainer = make_trainer(recipe, MACHINE, 3, compiled=False)
    trainer.model.eval()
    images = torch.randn(4, 3, 67, 67, generator=torch.Generator().manual_seed(0)) * 50
    first, second = torch.tensor([0, 1, 2, 0]), torch.tensor([1, 1, 0, 2])
    weight = torch.tensor([0.9, 0.6, 0.3, 0.7])[:, None]
    shares = weight * F.one_hot(first, 3) + (1 - weight) * F.one_hot(second, 3)
    loss, logits = trainer.gradients.add(images, shares, 4, 0)
    by_hand = [
        F.cross_entropy(logits, labels, label_smoothing=0.1, reduction="none")
        for labels in (first, second)
    ]
    expected = weight[:, 0] * by_hand[0] + (1 - weight[:, 0]) * by_hand[1]
    assert loss.item() == pytest.approx(expected.mean().item(), rel=1e-6)
    tally, plain = Tally(), Tally()
    tally.add(logits, shares)
    plain.add(logits, torch.tensor([0, 1, 0, 0]))
    assert tally.result().top1 == plain.result().top1
