"""The rate of each step as a function of the recipe, the step and the errors so far."""

import math

import pytest

from alextrain.recipe import load_recipe
from alextrain.schedule import rate


def recipe(policy, **overrides):
    return load_recipe("paper", {"policy": policy, "lr": 1.0, "epochs": 10, **overrides})


def test_a_plateau_of_the_error_drops_the_rate_by_ten_three_times_at_most():
    paper = recipe("plateau", patience=2)
    errors = [0.9, 0.8, 0.7]
    assert rate(paper, 30, 10, errors) == 1.0
    expected = [1.0, 0.1, 0.1, 0.01, 0.01, 1e-3, 1e-3, 1e-3, 1e-3]
    rates = []
    for _ in expected:
        errors.append(0.75)  # never again below 0.7
        rates.append(rate(paper, 10 * len(errors), 10, errors))
    assert rates == pytest.approx(expected)


def test_a_better_error_restarts_the_waiting():
    paper = recipe("plateau", patience=2)
    assert rate(paper, 0, 10, [0.5, 0.6, 0.4, 0.6, 0.3, 0.6]) == 1.0
    assert rate(paper, 0, 10, [0.5, 0.6, 0.4, 0.6, 0.6]) == pytest.approx(0.1)


def test_an_equal_error_is_no_better_and_a_lost_one_neither():
    paper = recipe("plateau", patience=2)
    assert rate(paper, 0, 10, [0.5, 0.5, 0.5]) == pytest.approx(0.1)
    assert rate(paper, 0, 10, [0.5, math.nan, math.nan]) == pytest.approx(0.1)


def test_steps_drop_the_rate_at_the_first_step_after_a_milestone():
    steps = recipe("steps", milestones=[3, 5])
    rates = [rate(steps, step, 10) for step in (0, 29, 30, 49, 50, 99)]
    assert rates == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def test_the_cosine_starts_at_lr_halves_in_the_middle_and_never_reaches_zero():
    cosine = recipe("cosine")
    rates = [rate(cosine, step, 10) for step in range(100)]
    assert rates[0] == 1.0
    assert rates[50] == pytest.approx(0.5)
    assert rates == sorted(rates, reverse=True)
    assert 0 < rates[-1] < 1e-3
    assert rate(cosine, 130, 10) == rates[-1]  # a step beyond the end does not rise again


@pytest.mark.parametrize("policy", ["cosine", "constant", "plateau", "steps"])
def test_warm_up_rises_in_equal_parts_and_then_the_policy_begins_at_lr(policy):
    warm = recipe(policy, warmup_steps=4, milestones=[5])
    rates = [rate(warm, step, 10) for step in range(5)]
    assert rates == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0])


def test_warm_up_is_counted_in_steps_not_epochs():
    warm = recipe("constant", warmup_steps=15)
    assert rate(warm, 9, 10) == pytest.approx(10 / 15)
    assert rate(warm, 15, 10) == 1.0


def test_a_run_shorter_than_its_warm_up_is_possible():
    short = recipe("cosine", warmup_steps=200, epochs=1)
    rates = [rate(short, step, 10) for step in range(10)]
    assert all(0 < value < 1 for value in rates)
