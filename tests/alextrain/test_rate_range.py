"""The range test of the rate, and its picture."""

import itertools
import math

import pytest

from alextrain.errors import DivergedError
from alextrain.figures.rate_range import draw_rate_range
from alextrain.studies.rate_range import Range, search_rate

from .test_gradients import batch, small, trainer_of


def endless(count=16, seeds=4):
    """Batches whose labels can be learnt: the brighter, the higher."""
    batches = []
    for seed in range(seeds):
        images, labels = batch(count, seed)
        batches.append((images / 60 + labels.view(-1, 1, 1, 1) - 2.0, labels))
    return itertools.cycle(batches)


def test_the_rate_rises_by_one_factor_and_the_choice_lies_below_the_turn():
    trainer = trainer_of(small(init="he", width=0.05, lr=0.01, batch_size=16))
    heard = []
    found = search_rate(trainer, endless(), 40, lambda *counts: heard.append(counts))
    assert found.rates[0] == pytest.approx(1e-5)
    assert {round(b / a, 6) for a, b in itertools.pairwise(found.rates)} == {
        round(1e5 ** (1 / 39), 6)
    }
    assert min(found.smoothed) < 0.9 * found.smoothed[0]
    assert 1e-3 < found.turn < 0.5
    assert found.chosen == pytest.approx(found.turn / 10, rel=0.05)
    assert heard[-1] == (len(found.rates), 40)


def test_a_loss_that_blows_up_ends_the_search():
    trainer = trainer_of(small(init="he", lr=10.0, batch_size=16))
    found = search_rate(trainer, endless(), 40)
    assert len(found.rates) < 40
    assert found.rates[-1] > found.turn


def test_where_no_rate_helps_none_is_chosen():
    found = search_rate(trainer_of(small(init="paper", lr=1e-9, batch_size=16)), endless(16, 1), 5)
    assert found.chosen is None


def test_the_smoothed_loss_is_the_weighted_mean_of_those_so_far():
    found = search_rate(trainer_of(small(batch_size=4)), endless(4), 5)
    first, second, third = found.losses[:3]
    assert found.smoothed[0] == pytest.approx(first)
    expected = (third + 0.9 * second + 0.81 * first) / 2.71
    assert found.smoothed[2] == pytest.approx(expected)


def test_a_loss_that_is_no_number_ends_with_a_sentence():
    trainer = trainer_of(small())
    images, labels = batch(4)
    with pytest.raises(DivergedError, match="no number at the first step already"):
        search_rate(trainer, iter([(images * math.nan, labels)]), 5)


def test_biases_keep_their_multiple_and_the_recipe_its_decay():
    trainer = trainer_of(small("authors", batch_size=4))
    search_rate(trainer, endless(4), 3)
    lr = {group["part"]: group["lr"] for group in trainer.optimiser.param_groups}
    assert lr["biases"] == pytest.approx(2 * lr["weights"])


def test_the_picture_marks_the_choice(tmp_path):
    rates = tuple(1e-5 * 1.5**i for i in range(20))
    losses = tuple(2.3 - 0.05 * i if i < 15 else 2.0 * (i - 13) for i in range(20))
    figure = draw_rate_range(tmp_path / "range.png", Range(rates, losses, losses, 0.002))
    (line,) = (artist for artist in figure.axes[0].lines if artist.get_gid() == "chosen")
    assert line.get_xdata() == [0.002, 0.002]
    assert "chosen: 0.002" in [text.get_text() for text in figure.axes[0].get_legend().texts]
    assert (tmp_path / "range.png").stat().st_size > 5_000


def test_the_search_can_be_repeated():
    first, second = (
        search_rate(trainer_of(small(batch_size=4, dropout=0.5)), endless(4), 4) for _ in range(2)
    )
    assert first == second
