import math

import pytest
import torch

from alextrain.device import choose_machine
from alextrain.errors import DeviceError, DivergedError
from alextrain.training.health import PATIENCE, StuckAlarm
from alextrain.training.loop import StepResult, check_finite, step_seed


def sentences(alarm, losses, every=1):
    told = [(step, loss) for step, loss in enumerate(losses, 1) if step % every == 0]
    return [text for step, loss in told if (text := alarm.hear(step, loss))]


@pytest.mark.parametrize("every", [1, 20], ids=["each step", "one in twenty, as on a GPU"])
def test_a_loss_at_guessing_is_named_once_with_advice(every):
    losses = [math.log(1000) + 0.01] * (PATIENCE + 200)
    said = sentences(StuckAlarm(1000, "mean-std"), losses, every)
    assert len(said) == 1
    assert said[0].startswith("step 300: the loss is stuck at 6.9")
    assert "normalise = mean-image" in said[0]


def test_a_loss_that_swings_above_guessing_is_no_learning_either():
    """Few classes and biases of 1: the last layer swings while the images do not get through."""
    (said,) = sentences(StuckAlarm(3, "unit"), [1.0, 2.4] * PATIENCE)
    assert said.startswith("step 300: the loss is 1.700 still, worse than guessing among the cl")
    assert "The input is scaled to 0..1" in said


@pytest.mark.parametrize("init", ["he", "torch"])
def test_the_scale_is_not_blamed_where_the_initial_weights_fit_any(init):
    (said,) = sentences(StuckAlarm(10, "mean-std", init), [math.log(10)] * PATIENCE)
    assert "mean-image" not in said
    assert "a smaller --lr" in said


def test_a_network_that_begins_late_is_told_from_one_that_never_does():
    losses = [math.log(10)] * 350 + [1.5] * 200
    said = sentences(StuckAlarm(10, "mean-image"), losses)
    assert len(said) == 2
    assert "has begun to learn" in said[1]


def test_after_a_resumption_a_hundred_steps_are_heard_before_anything_is_said():
    alarm = StuckAlarm(10, "mean-image")
    said = [step for step in range(5001, 5301) if alarm.hear(step, math.log(10))]
    assert said == [5100]


def test_a_network_that_learns_hears_nothing():
    assert sentences(StuckAlarm(10, "mean-image"), [2.3 * 0.995**i for i in range(800)]) == []


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_stops_the_run_and_says_where(loss):
    result = StepResult(step=41, images=64, rate=0.5, loss=torch.tensor(loss))
    with pytest.raises(DivergedError, match=r"by step 41 \(epoch 3\) at rate 0.5.*lower --lr"):
        check_finite(loss, result, 2)


def test_each_step_and_seed_has_its_own_dropout():
    seeds = {step_seed(seed, step) for seed in range(20) for step in range(200)}
    assert len(seeds) == 20 * 200
    assert all(0 <= seed < 2**63 for seed in seeds)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_cuda_without_a_gpu_names_the_build_and_the_way_out():
    with pytest.raises(DeviceError, match=r"--device cuda: torch .* use --device cpu"):
        choose_machine("cuda")
    machine = choose_machine("auto")
    assert (machine.device.type, machine.amp) == ("cpu", "off")
    assert "no GPU was found" in machine.describe()


def test_unknown_devices_and_impossible_precisions_are_refused():
    with pytest.raises(DeviceError, match="--device gpu is unknown; choose auto, cpu, cuda or mps"):
        choose_machine("gpu")
    with pytest.raises(DeviceError, match="--amp fp16 needs a GPU"):
        choose_machine("cpu", "fp16")
