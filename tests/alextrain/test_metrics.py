"""Counts and sums: exact, whatever the batches."""

import math

import pytest
import torch

from alextrain.training.metrics import Counts, Tally


@pytest.fixture
def answers():
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(100, 7, generator=generator)
    return logits, torch.randint(0, 7, (100,), generator=generator)


def tallied(logits, labels, cuts=()):
    tally = Tally()
    for scores, truth in zip(logits.tensor_split(cuts), labels.tensor_split(cuts), strict=True):
        tally.add(scores, truth)
    return tally


def test_counts_are_those_of_a_sort_by_hand(answers):
    logits, labels = answers
    order = logits.argsort(dim=1, descending=True).tolist()
    ranks = [row.index(label) for row, label in zip(order, labels.tolist(), strict=True)]
    counts = tallied(logits, labels).result()
    assert counts.top1 == sum(rank < 1 for rank in ranks)
    assert counts.top5 == sum(rank < 5 for rank in ranks)
    assert counts.top1_error == pytest.approx(sum(rank >= 1 for rank in ranks) / 100)
    assert counts.top5_error == pytest.approx(sum(rank >= 5 for rank in ranks) / 100)


@pytest.mark.parametrize("cuts", [(1,), (15,), (33, 66), tuple(range(1, 100))])
def test_any_split_into_batches_counts_the_same(answers, cuts):
    whole, parts = tallied(*answers).result(), tallied(*answers, cuts).result()
    assert (parts.images, parts.top1, parts.top5) == (whole.images, whole.top1, whole.top5)
    assert parts.loss_sum == pytest.approx(whole.loss_sum, rel=1e-12)


def test_the_loss_is_the_mean_over_images(answers):
    logits, labels = answers
    wanted = logits.double().log_softmax(1)[range(100), labels]
    assert tallied(logits, labels).result().loss == pytest.approx(-wanted.mean().item(), rel=1e-6)


def test_sets_add_up(answers):
    logits, labels = answers
    left, right = tallied(logits[:30], labels[:30]), tallied(logits[30:], labels[30:])
    whole, both = tallied(logits, labels).result(), left.result() + right.result()
    assert both.loss_sum == pytest.approx(whole.loss_sum)
    assert (both.images, both.top1, both.top5, both.top_k) == (100, whole.top1, whole.top5, 5)
    assert Tally().result() + whole == whole


def test_logarithms_of_probabilities_are_scores_as_good_as_logits(answers):
    logits, labels = answers
    counts = tallied(logits.softmax(1).log(), labels).result()
    assert counts.loss == pytest.approx(tallied(logits, labels).result().loss, rel=1e-6)


@pytest.mark.parametrize("classes", [2, 3, 5, 6])
def test_few_classes_have_a_smaller_k(classes):
    tally = Tally()
    tally.add(torch.eye(classes)[:2], torch.tensor([1, 1]))
    counts = tally.result()
    assert counts.top_k == min(5, classes)
    assert counts.top1 == 1


def test_ties_go_as_torchs_topk_has_them():
    scores = torch.zeros(1000, 10)
    labels = torch.arange(1000) % 10
    counts = tallied(scores, labels).result()
    first = scores[:1].topk(5).indices[0].tolist()
    assert counts.top1 == sum(label == first[0] for label in labels.tolist())
    assert counts.top5 == sum(label in first for label in labels.tolist())


def test_sums_of_millions_of_images_keep_their_digits():
    tally = Tally()
    tally.restore({"images": 10**9, "top1": 2**40, "top5": 2**41, "top_k": 5, "loss_sum": 7e9})
    tally.add(torch.zeros(1, 10), torch.tensor([0]))
    counts = tally.result()
    assert counts.images == 10**9 + 1
    assert counts.top1 - 2**40 in (0, 1)
    assert counts.loss_sum == pytest.approx(7e9 + math.log(10), abs=1e-5)


def test_half_precision_scores_lose_nothing_more(answers):
    logits, labels = answers
    counts = tallied(logits.bfloat16(), labels).result()
    assert counts == tallied(logits.bfloat16().float(), labels).result()


def test_plain_values_bring_a_tally_back(answers):
    logits, labels = answers
    tally = Tally()
    tally.restore(tallied(logits[:40], labels[:40]).to_dict())
    tally.add(logits[40:], labels[40:])
    assert tally.result() == tallied(logits, labels, (40,)).result()


def test_nothing_seen_is_not_a_number():
    counts = Tally().result()
    assert counts == Counts(0, 0, 0, 0, 0.0)
    assert all(math.isnan(v) for v in (counts.loss, counts.top1_error, counts.top5_error))
