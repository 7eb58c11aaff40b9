"""The rate of each step as a function of the recipe, the step and the errors so far."""

import math
import warnings

import pytest
import torch

from alextrain.errors import RecipeError
from alextrain.recipes.recipe import load_recipe
from alextrain.training.schedule import rate, rates, short_warm_up


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


def test_milestones_drop_the_rate_at_the_first_step_after_a_milestone():
    steps = recipe("milestones", milestones=[3, 5])
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


@pytest.mark.parametrize("policy", ["cosine", "constant", "plateau", "milestones", "step", "dexp"])
def test_warm_up_rises_in_equal_parts_and_then_the_policy_begins_at_lr(policy):
    warm = recipe(policy, warmup_steps=4, milestones=[5])
    rates = [rate(warm, step, 10) for step in range(5)]
    assert rates == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0])


def test_a_warm_up_that_is_half_of_the_run_is_said():
    quick = load_recipe("quick", {"epochs": 12, "batch_size": 60})  # 200 steps of warm-up
    assert not short_warm_up(quick, samples=2041)  # 35 steps an epoch: 420
    (sentence,) = short_warm_up(quick, samples=360)
    assert sentence.startswith("the rate rises for 200 steps and the whole run has 72: ")
    assert "--set warmup_steps=3 " in sentence
    assert not short_warm_up(load_recipe("paper"), samples=1)


def test_warm_up_is_counted_in_steps_not_epochs():
    warm = recipe("constant", warmup_steps=15)
    assert rate(warm, 9, 10) == pytest.approx(10 / 15)
    assert rate(warm, 15, 10) == 1.0


def test_a_run_shorter_than_its_warm_up_is_possible():
    short = recipe("cosine", warmup_steps=200, epochs=1)
    rates = [rate(short, step, 10) for step in range(10)]
    assert all(0 < value < 1 for value in rates)


def test_warm_up_of_five_steps_is_a_golden_list():
    """Never the full rate first (one write-up's warm-up began at .01 and fell to .002)."""
    warm = load_recipe("paper", {"policy": "constant", "lr": 0.01, "warmup_steps": 5})
    found = [rate(warm, step, 100) for step in range(6)]
    assert found == pytest.approx([0.002, 0.004, 0.006, 0.008, 0.01, 0.01])


DEXP = [0.01, 1.5874010519682e-3, 2.5198420997898e-4, 4e-5]


def test_dexp_has_the_published_levels_and_switches_behind_a_quarter():
    """cuda-convnet2's dexp[base=0.01;tgtFactor=250;numSteps=4] over 90 epochs."""
    dexp = recipe("dexp", lr=0.01, epochs=90)
    total = 90 * 8
    for level, value in enumerate(DEXP):
        first = level * total // 4 + (level > 0)  # the border still has the rate before it
        assert rate(dexp, first, 8) == pytest.approx(value, rel=1e-12)
        assert rate(dexp, (level + 1) * total // 4, 8) == pytest.approx(value, rel=1e-12)
    two = recipe("dexp", lr=0.02, epochs=90, levels=2, fall=10)
    assert [rate(two, step, 8) for step in (0, total // 2, total // 2 + 1, total - 1)] == (
        pytest.approx([0.02, 0.02, 0.002, 0.002], rel=1e-12)
    )


def test_step_drops_every_so_many_epochs_so_30_of_90_make_two_drops():
    thirty = recipe("step", lr=0.01, epochs=90, every=30)
    found = sorted({rate(thirty, step, 4) for step in range(360)}, reverse=True)
    assert found == pytest.approx([0.01, 0.001, 0.0001])
    assert [rate(thirty, step, 4) for step in (119, 120)] == pytest.approx([0.01, 0.001])


def test_polynomial_falls_on_a_line_or_a_power_of_it():
    line = recipe("polynomial")
    assert [rate(line, step, 10) for step in (0, 50, 99)] == pytest.approx([1.0, 0.5, 0.01])
    square = recipe("polynomial", power=2)
    assert rate(square, 50, 10) == pytest.approx(0.25)


def theirs(scheduler, count, **settings):
    """The rates of one of torch's schedulers."""
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no step of the optimiser itself
        schedule = scheduler(optimiser, **settings)
        found = []
        for _ in range(count):
            found.append(optimiser.param_groups[0]["lr"])
            schedule.step()
    return found


@pytest.mark.parametrize("peak", [0.3, 0.5])
def test_one_cycle_is_torchs(peak):
    expected = theirs(
        torch.optim.lr_scheduler.OneCycleLR, 99, max_lr=1.0, total_steps=100, pct_start=peak
    )
    found = [rate(recipe("one-cycle", peak=peak), step, 10) for step in range(99)]
    assert found == pytest.approx(expected, rel=1e-9)


def test_cosine_is_torchs():
    expected = theirs(torch.optim.lr_scheduler.CosineAnnealingLR, 100, T_max=100)
    assert [rate(recipe("cosine"), step, 10) for step in range(100)] == pytest.approx(expected)


@pytest.mark.parametrize("policy", ["cosine", "dexp", "polynomial", "one-cycle"])
def test_steps_beyond_the_end_keep_the_last_rate_above_zero(policy):
    short = recipe(policy, epochs=3)
    last = rate(short, 29, 10)
    assert 0 < last < 0.15
    assert rate(short, 40, 10) == last
    one = recipe(policy, epochs=1)
    assert 0 < rate(one, 0, 1) <= 1.0


def test_biases_and_conv1_go_as_the_authors_had_them():
    """Config 145: 1e-3 from 25, 1e-4 from 51, conv1 1e-5 from 67 and 0 from 72, rest from 79."""
    authors = load_recipe("authors")
    table = {
        0: (1e-2, 1e-2),
        25: (1e-3, 1e-3),
        51: (1e-4, 1e-4),
        67: (1e-4, 1e-5),
        72: (1e-4, 0.0),
        79: (1e-5, 0.0),
        90: (1e-5, 0.0),
    }
    for epoch, (weights, conv1) in table.items():
        found = rates(authors, epoch * 10, 10)
        assert found["weights"] == pytest.approx(weights), epoch
        assert found["conv1 weights"] == pytest.approx(conv1), epoch
        assert found["biases"] == 0.02
        assert found["conv1 biases"] == (0.02 if conv1 else 0.0)


def test_biases_follow_at_twice_the_rate_where_the_recipe_says_so():
    twice = recipe("milestones", milestones=[5], bias_lr=2)
    assert rates(twice, 60, 10) == pytest.approx(
        {"weights": 0.1, "biases": 0.2, "conv1 weights": 0.1, "conv1 biases": 0.2}
    )


def test_a_cycle_that_rises_by_itself_takes_no_warm_up():
    with pytest.raises(RecipeError, match="warmup_steps is of no use to 'one-cycle'"):
        recipe("one-cycle", warmup_steps=3)
