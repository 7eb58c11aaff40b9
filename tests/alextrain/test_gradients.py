"""Gradients in parts, clipping, and memory that runs out."""

import copy

import pytest
import torch
from torch.nn import functional as F

from alextrain.device import choose_machine
from alextrain.errors import DeviceError, RecipeError
from alextrain.recipes.recipe import load_recipe
from alextrain.training.gradients import Gradients
from alextrain.training.metrics import Tally
from alextrain.training.setup import Memory, make_trainer

MACHINE = choose_machine("cpu")
CROP, CLASSES = 67, 5


def small(name="paper", **changes):
    defaults = {"width": 0.02, "crop": CROP, "dropout": 0, "batch_size": 128}
    return load_recipe(name, defaults | changes)


def trainer_of(recipe, **memory):
    return make_trainer(recipe, MACHINE, CLASSES, compiled=False, memory=Memory(**memory))


def batch(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    images = 60 * torch.randn(count, 3, CROP, CROP, generator=generator)
    return images, torch.randint(0, CLASSES, (count,), generator=generator)


def gradients_of(trainer):
    return {name: p.grad.clone() for name, p in trainer.model.named_parameters()}


@pytest.mark.parametrize("count", [16, 33, 100, 128])
@pytest.mark.parametrize("smoothing", [0, 0.1])
def test_parts_add_up_to_the_full_batch_whatever_is_left_over(count, smoothing):
    images, labels = batch(count)
    whole, parts = (trainer_of(small(label_smoothing=smoothing), part=p) for p in (None, 32))
    loss, logits = whole.gradients.add(images, labels, count, 1)
    other, scores = parts.gradients.add(images, labels, count, 1)
    assert other.item() == pytest.approx(loss.item(), rel=1e-5)
    torch.testing.assert_close(scores, logits, rtol=1e-4, atol=1e-4)
    first, second = gradients_of(whole), gradients_of(parts)
    for name, gradient in first.items():
        torch.testing.assert_close(
            second[name], gradient, rtol=1e-4, atol=1e-5 * gradient.abs().max().item()
        )


def test_label_smoothing_is_the_cross_entropy_with_a_softened_target():
    images, labels = batch(7)
    trainer = trainer_of(small(label_smoothing=0.1))
    loss, logits = trainer.gradients.add(images, labels, 7, 1)
    target = 0.9 * F.one_hot(labels, CLASSES) + 0.1 / CLASSES
    assert loss.item() == pytest.approx(-(target * logits.log_softmax(1)).sum(1).mean().item())


ON_CUDA = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nmore")
ON_CPU = RuntimeError(
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you "
    "tried to allocate 2208492000 bytes. Error code 12 (Cannot allocate memory)"
)


class Exhausted:
    """A net on a device whose memory holds so many images, and says so as torch does."""

    def __init__(self, model, room, error=ON_CUDA):
        self.model, self.room, self.error, self.sizes = model, room, error, []

    def __call__(self, images):
        self.sizes.append(len(images))
        logits = self.model(images)
        if len(images) > self.room:
            raise self.error
        return logits


@pytest.mark.parametrize("error", [ON_CUDA, ON_CPU], ids=["cuda", "cpu"])
def test_when_memory_runs_out_the_batch_is_done_in_parts_with_the_same_result(error):
    images, labels = batch(100)
    whole, cramped = trainer_of(small()), trainer_of(small())
    net = cramped.gradients.forward = Exhausted(cramped.model, room=30, error=error)
    expected, _ = whole.gradients.add(images, labels, 100, 1)
    loss, _ = cramped.gradients.add(images, labels, 100, 1)
    assert net.sizes == [100, 50, 25, 25, 25, 25]
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    for name, gradient in gradients_of(whole).items():
        torch.testing.assert_close(
            cramped.model.get_parameter(name).grad, gradient, rtol=1e-4, atol=1e-3
        )
    assert cramped.gradients.note.startswith("memory ran out with 50 images at a time: from now on")
    net.sizes.clear()
    cramped.gradients.add(images, labels, 100, 2)
    assert net.sizes == [25, 25, 25, 25]  # it is not tried again


def test_an_answer_counts_once_although_it_was_computed_twice():
    trainer = trainer_of(small(batch_size=20))
    trainer.gradients.forward = Exhausted(trainer.model, room=6)
    tally = Tally()
    steps = list(trainer.train([batch(20)], 20, tally))
    assert (len(steps), tally.result().images) == (1, 20)


def test_one_image_that_does_not_fit_ends_with_a_sentence():
    trainer = trainer_of(small())
    trainer.gradients.forward = Exhausted(trainer.model, room=0)
    with pytest.raises(DeviceError, match=r"with 1 images at a time .*2.00 GiB.*smaller --width"):
        trainer.gradients.add(*batch(4), 4, 1)


def test_batch_normalisation_takes_no_parts():
    with pytest.raises(RecipeError, match="--micro-batch does not go with batch normalisation"):
        trainer_of(small("quick"), part=8)
    with pytest.raises(RecipeError, match="--recompute does not go with batch normalisation"):
        trainer_of(small("quick"), recompute=True)
    trainer = trainer_of(small("quick"))
    trainer.gradients.forward = Exhausted(trainer.model, room=3)
    with pytest.raises(DeviceError, match="wants them together: use a smaller --batch-size"):
        trainer.gradients.add(*batch(8), 8, 1)


def step(recipe, **memory):
    trainer = trainer_of(recipe, **memory)
    before = copy.deepcopy(trainer.model.state_dict())
    (result,) = trainer.train([batch(recipe.batch_size)], recipe.batch_size, Tally())
    moved = [value - before[name] for name, value in trainer.model.state_dict().items()]
    length = torch.cat([m.flatten().double() for m in moved]).norm().item()
    return trainer, result, length


def test_a_long_gradient_is_shortened_to_the_length_asked_for_and_counted():
    plain = {"batch_size": 8, "weight_decay": 0, "init": "he"}
    free, _, length = step(small(**plain))
    assert free.clipped == 0
    clipped, _, shorter = step(small(clip=0.5, **plain))
    assert length > 0.01 * 0.5 * 1.1
    assert shorter == pytest.approx(0.01 * 0.5, rel=1e-3)
    assert clipped.clipped == 1
    loose, _, same = step(small(clip=1e6, **plain))
    assert (loose.clipped, same) == (0, pytest.approx(length))


def test_clipping_sees_gradients_without_the_scale_of_16_bit_training():
    recipe = small(batch_size=8, weight_decay=0, init="he", clip=0.5)
    _, _, plain = step(recipe)
    trainer = trainer_of(recipe)
    trainer.scaler = trainer.gradients.scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    list(trainer.train([batch(8)], 8, Tally()))
    moved = [value - before[name] for name, value in trainer.model.state_dict().items()]
    length = torch.cat([m.flatten().double() for m in moved]).norm().item()
    assert length == pytest.approx(plain, rel=1e-4)


def test_parts_do_not_change_the_length_that_is_clipped():
    recipe = small(batch_size=10, clip=0.5, weight_decay=0, init="he")
    _, _, whole = step(recipe)
    _, _, parts = step(recipe, part=3)
    assert parts == pytest.approx(whole, rel=1e-4)


def test_gradients_are_those_of_torch_alone():
    images, labels = batch(9)
    trainer = trainer_of(small())
    Gradients(trainer.model, trainer.model, MACHINE, trainer.scaler, smoothing=0.0).add(
        images, labels, 9, 1
    )
    ours = gradients_of(trainer)
    trainer.model.zero_grad()
    torch.autograd.backward(F.cross_entropy(trainer.model(images), labels))
    assert all(torch.equal(p.grad, ours[n]) for n, p in trainer.model.named_parameters())
