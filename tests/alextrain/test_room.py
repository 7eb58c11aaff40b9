"""Batches that are too large for the set or the memory: one sentence, before or instead of work."""

import pytest
import torch

from alextrain.errors import DeviceError
from alextrain.training import sets as sets_module
from alextrain.training import setup as making
from alextrain.training.room import check_room, memory_errors
from alextrain.training.sets import open_sets
from alextrain.training.setup import make_trainer

from .small_runs import CROP, MACHINE, fit, recipe


def test_a_batch_larger_than_the_set_is_one_step_an_epoch_and_said(shards, tmp_path):
    given = recipe(batch_size=10**9, epochs=2)
    result, _, _ = fit(shards, tmp_path / "run", given)
    assert (result.finished, result.step) == (True, 2)
    notes = open_sets(shards, given, MACHINE).notes
    assert "batch_size 1,000,000,000 is more than the 22 images to train on: each epoch is" in str(
        notes
    )
    assert "each epoch is one step" not in str(open_sets(shards, recipe(), MACHINE).notes)


def test_a_batch_whose_images_do_not_fit_is_refused_before_any_work(shards, monkeypatch):
    need = 22 * 3 * (72**2 + 4 * CROP**2)  # bytes as loaded, floats as the net takes them
    given = recipe(batch_size=1000)
    monkeypatch.setattr(sets_module, "free_for", lambda *_: need)
    open_sets(shards, given, MACHINE)
    monkeypatch.setattr(sets_module, "free_for", lambda *_: need - 1)
    monkeypatch.setattr(sets_module, "open_loader", None)  # is not come to
    with pytest.raises(DeviceError, match=r"a batch of 22 images takes .* smaller --batch"):
        open_sets(shards, given, MACHINE)


def test_a_net_whose_weights_do_not_fit_is_refused_before_it_is_made(monkeypatch):
    make_trainer(recipe(), MACHINE, 3, compiled=False)
    monkeypatch.setattr(making, "initialise", None)  # is not come to
    with pytest.raises(DeviceError, match=r"a net of 20\d,.* takes 2,.* smaller --width"):
        make_trainer(recipe(width=100), MACHINE, 3, compiled=False)


def test_where_the_free_memory_is_unknown_nothing_is_refused():
    check_room(10**9, 256, 227, None)


@pytest.mark.parametrize(
    ("take", "reason"),
    [
        (lambda: torch.empty(1 << 60), "can't allocate memory: you tried to allocate"),
        (lambda: bytearray(1 << 60), "by numpy"),
    ],
)
def test_memory_that_runs_out_beside_the_steps_is_a_sentence(take, reason):
    with (
        pytest.raises(DeviceError, match=f"batches of 9,000 images .{reason}.* smaller --batch"),
        memory_errors(9000),
    ):
        take()


def test_other_errors_keep_their_traceback():
    with pytest.raises(RuntimeError, match="a bug"), memory_errors(1):
        raise RuntimeError("a bug")
