"""Runs from shards to checkpoints: exact resume, what is refused, what is said."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from alexprep.errors import ShardError, StatisticsError
from alexprep.shards.statistics import Statistics
from alextrain.device import choose_machine
from alextrain.errors import CheckpointError, DivergedError, RecipeError
from alextrain.recipes.recipe import load_recipe, recipe_names
from alextrain.training.checkpoint import content_digest, load_checkpoint, load_latest
from alextrain.training.listener import Wish
from alextrain.training.run import Run
from alextrain.training.runlog import read_log
from alextrain.training.sets import hold_out, open_sets
from alextrain.training.setup import make_trainer

from .small_shards import SIZE, encode, picture, write_set, write_statistics, write_trainable

CROP = 67
MACHINE = choose_machine("cpu")


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return write_trainable(tmp_path_factory.mktemp("shards"))


def recipe(name="quick", **changes):
    defaults = {"width": 0.05, "crop": CROP, "epochs": 3, "batch_size": 5, "lr": 0.01}
    return load_recipe(name, defaults | changes)


class Listener:
    """Stops after a number of steps, and keeps what it hears."""

    def __init__(self, stop_after=None):
        self.notes, self.epochs, self.steps = [], [], 0
        self.stop_after = stop_after

    def note(self, text):
        self.notes.append(text)

    def epoch_begins(self, epoch, samples, seen):
        pass

    def step(self, result, shown):
        self.steps += 1

    def epoch_ends(self, values):
        self.epochs.append(values)

    def wish(self):
        return Wish.STOP if self.steps == self.stop_after else Wish.GO_ON


def fit(shards, folder, given, stop_after=None, resume=False, weights=None, cache="off"):
    sets = open_sets(shards, given, MACHINE, cache=cache, workers=1)
    trainer = make_trainer(given, MACHINE, len(sets.manifest.classes), compiled=False)
    listener = Listener(stop_after)
    run = Run(folder, sets, trainer, MACHINE, listener)
    run.start(load_latest(folder) if resume else None, weights)
    return run.fit(), listener, trainer


def weights_of(path):
    return load_checkpoint(path)["model"]


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


# What a run has to remember: batch statistics; velocities; frozen layers, late colours and shared
# crops; two moments of each weight; an average of the weights; the errors so far.
STATES = {
    "quick": {},
    "paper": {},
    "authors": {"colour_epochs": 1, "milestones": [1], "conv1_drop": 1, "conv1_freeze": 2},
    "tutorial": {},
    "adamw": {"name": "tutorial", "update": "adamw", "clip": 0.5},
    "average": {"name": "quick", "ema": 0.9},
    "plateau": {"name": "paper", "lr": 1e-9, "patience": 1, "warmup_steps": 2},
}
TIMES = [(name, (2, 4, 5)) for name in STATES] + [("quick", (1,)), ("paper", (5,))]


@pytest.mark.parametrize(("name", "stops"), TIMES, ids=str)
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(shards, tmp_path, name, stops):
    """5 steps an epoch: stops in mid-epoch, at its end, and three times over."""
    given = recipe(**{"name": name} | STATES[name])
    fit(shards, tmp_path / "whole", given)
    for count, stop in enumerate(stops):
        result, _, _ = fit(shards, tmp_path / "cut", given, stop, resume=count > 0)
        assert not result.finished
    result, _, _ = fit(shards, tmp_path / "cut", given, resume=True)
    assert result.finished
    whole, cut = (load_checkpoint(tmp_path / run / "last.pt") for run in ("whole", "cut"))
    assert same(whole["model"], cut["model"])
    assert same(whole.get("raw", {}), cut.get("raw", {}))
    assert whole["clipped"] == cut["clipped"]
    assert content_digest(whole["optimiser"]) == content_digest(cut["optimiser"])
    assert whole["progress"] == cut["progress"]
    assert whole["tally"] == cut["tally"]
    assert same(weights_of(tmp_path / "whole/best.pt"), weights_of(tmp_path / "cut/best.pt"))
    times = {"time", "seconds", "images_per_second"}
    logs = [
        [
            {k: v for k, v in row.items() if k not in times}
            for row in read_log(tmp_path / run)
            if row["kind"] in ("step", "epoch")
        ]
        for run in ("whole", "cut")
    ]
    assert logs[0] == logs[1]


def test_neither_cache_nor_threads_change_the_weights(shards, tmp_path):
    given = recipe(epochs=1)
    for cache in ("off", "ram"):
        fit(shards, tmp_path / cache, given, cache=cache)
    assert same(weights_of(tmp_path / "off/last.pt"), weights_of(tmp_path / "ram/last.pt"))


def test_another_seed_gives_other_weights(shards, tmp_path):
    for seed in (0, 1):
        fit(shards, tmp_path / str(seed), recipe(epochs=1, seed=seed))
    assert not same(weights_of(tmp_path / "0/last.pt"), weights_of(tmp_path / "1/last.pt"))


def test_ragged_last_batches_are_trained_on_and_validation_counts_each_image_once(shards, tmp_path):
    result, listener, _ = fit(shards, tmp_path / "run", recipe(epochs=1))
    assert (result.step, listener.steps) == (5, 5)  # 22 images by 5, the last 2 too
    saved = load_checkpoint(tmp_path / "run/last.pt")
    assert saved["tally"]["images"] == 22
    assert load_checkpoint(tmp_path / "run/best.pt")["result"]["images"] == 7


def test_a_net_learns_its_training_images(shards, tmp_path):
    still = {"crops": "centre", "flip": False, "colour": "off", "dropout": 0.0}
    given = recipe(epochs=40, batch_size=11, warmup_steps=5, label_smoothing=0.0, **still)
    _, listener, _ = fit(shards, tmp_path / "run", given, cache="ram")
    assert listener.epochs[-1]["train_loss"] < 0.5 * math.log(3)


def test_a_run_says_whether_the_network_is_alive(shards, tmp_path):
    _, listener, _ = fit(shards, tmp_path / "run", recipe("paper", epochs=1))
    assert "alive" in listener.notes[0]
    dead = recipe("paper", epochs=1, normalise="mean-std")
    _, listener, _ = fit(shards, tmp_path / "dead", dead)
    assert listener.notes[0].startswith("dead network: from ")


def test_a_run_that_diverges_stops_and_keeps_its_checkpoint(shards, tmp_path):
    given = recipe(epochs=1)
    fit(shards, tmp_path / "run", given)
    before = (tmp_path / "run/last.pt").read_bytes()
    wild = recipe("paper", epochs=2, lr=1e30)
    with pytest.raises(DivergedError, match="lower --lr"):
        fit(shards, tmp_path / "wild", wild)
    assert (tmp_path / "run/last.pt").read_bytes() == before


def test_a_folder_with_a_run_is_not_overwritten(shards, tmp_path):
    given = recipe(epochs=1)
    fit(shards, tmp_path / "run", given)
    with pytest.raises(
        RecipeError, match=r"holds a run already; continue it with `alextrain fit .* --resume`"
    ):
        fit(shards, tmp_path / "run", given)


def test_resuming_on_other_shards_names_both_fingerprints(shards, tmp_path):
    given = recipe(epochs=1)
    fit(shards, tmp_path / "run", given)
    other = tmp_path / "other"
    write_set(other, {"train": [[encode(picture(i, SIZE)) for i in range(9)]]}, size=SIZE)
    write_statistics(other)
    with pytest.raises(CheckpointError, match=r"other shards \(fingerprint \w{16}; these have \w"):
        fit(other, tmp_path / "run", given, resume=True)


@pytest.mark.parametrize("by_class", [True, False])
def test_shards_that_are_sorted_by_class_are_named(tmp_path, by_class):
    images = [[encode(picture(i, SIZE))] * 9 for i in range(3)]
    labels = {"label_of": lambda i: i // 9} if by_class else {}
    folder = write_set(tmp_path / "shards", {"train": images}, size=SIZE, **labels)
    write_statistics(folder)
    notes = open_sets(folder, recipe(), MACHINE).notes
    warnings = [note for note in notes if "classes are not mixed over the shards" in note]
    assert len(warnings) == by_class
    assert all("(train-000000.tar, train-000001.tar, train-000002.tar)" in w for w in warnings)


def test_without_a_val_split_nothing_is_validated_and_it_is_said(tmp_path):
    folder = tmp_path / "shards"
    write_set(folder, {"train": [[encode(picture(i, SIZE)) for i in range(9)]]}, size=SIZE)
    write_statistics(folder)
    sets = open_sets(folder, recipe(), MACHINE)
    assert any("nothing will be validated" in note for note in sets.notes)
    result, listener, _ = fit(folder, tmp_path / "run", recipe(epochs=1))
    assert (result.best, result.checkpoint.name) == (None, "last.pt")
    assert "val_loss" not in listener.epochs[0]


def test_held_out_images_are_validated_on_and_never_trained_on(shards, tmp_path):
    given = recipe(holdout=0.2)
    sets = open_sets(shards, given, MACHINE)
    kept = set(sets.validation.numbers.tolist())
    assert len(kept) == 4
    for epoch in range(3):
        order = sets.order(given, epoch).tolist()
        assert sorted(order) == sorted(set(range(22)) - kept)
    assert np.array_equal(sets.kept_out, hold_out(given.seed, 22, 0.2))
    _, listener, _ = fit(shards, tmp_path / "run", recipe(holdout=0.2, epochs=1))
    assert listener.epochs[0]["split"] == "held out"


@pytest.mark.parametrize("share", [0.01, 0.99])
def test_a_holdout_that_leaves_nothing_on_one_side_is_refused(shards, share):
    with pytest.raises(RecipeError, match=r"keeps (0|22) of 22 images out of training"):
        open_sets(shards, recipe(holdout=share), MACHINE)


def test_sets_that_cannot_be_trained_on_are_refused(tmp_path, shards):
    only_val = tmp_path / "val"
    write_set(only_val, {"val": [[encode(picture(0, SIZE))]]}, size=SIZE)
    with pytest.raises(ShardError, match=r"has no train split \(it has val\)"):
        open_sets(only_val, recipe(), MACHINE)
    no_stats = tmp_path / "nostats"
    write_set(no_stats, {"train": [[encode(picture(0, SIZE))]]}, size=SIZE)
    with pytest.raises(StatisticsError, match="is missing; make it with `alexprep stats"):
        open_sets(no_stats, recipe(), MACHINE)
    (no_stats / "stats.npz").write_bytes((shards / "stats.npz").read_bytes())
    with pytest.raises(StatisticsError, match="belongs to other shards"):
        open_sets(no_stats, recipe(), MACHINE)


def test_statistics_of_another_split_are_refused(tmp_path):
    folder = write_trainable(tmp_path / "shards")
    ours = Statistics.load(folder / "stats.npz")
    replace(ours, split="val").save(folder / "stats.npz")
    with pytest.raises(StatisticsError, match="measures val, and training takes the mean of train"):
        open_sets(folder, recipe(), MACHINE)
    replace(ours, split="train+val").save(folder / "stats.npz")
    assert open_sets(folder, recipe(), MACHINE).train_samples == 22


def test_a_crop_larger_than_the_images_is_refused(shards, tmp_path):
    with pytest.raises(RecipeError, match="crop 99 does not fit into the 72x72 images"):
        fit(shards, tmp_path / "run", recipe(crop=99))


def test_fine_tuning_on_other_classes_makes_the_head_anew_and_says_so(shards, tmp_path):
    given = recipe(epochs=1)
    _, _, trainer = fit(shards, tmp_path / "run", given)
    content = load_checkpoint(tmp_path / "run/last.pt")
    more = make_trainer(given, MACHINE, 7, compiled=False)
    from alextrain.training.snapshot import adopt_weights

    said = adopt_weights(more.model, content, "run")
    assert "the last layer is new, because that run knows 3 classes" in said
    assert torch.equal(
        more.model.get_parameter("features.conv1.weight"),
        trainer.model.get_parameter("features.conv1.weight"),
    )
    wide = make_trainer(recipe(width=0.1), MACHINE, 3, compiled=False)
    with pytest.raises(CheckpointError, match=r"'features.conv1.weight' has shape .* expected"):
        adopt_weights(wide.model, content, "run")


def test_colours_are_shifted_for_so_many_epochs_and_no_longer(shards):
    from alextrain.ranks import ALONE
    from alextrain.training.feed import Feed
    from alextrain.training.loop import Progress
    from alextrain.training.setup import make_augmenter

    def first_batch(epoch, **changes):
        given = recipe("authors", **changes)
        sets = open_sets(shards, given, MACHINE, workers=1)
        augmenter = make_augmenter(given, sets.statistics, MACHINE)
        feed = Feed(sets, given, augmenter, MACHINE.device, ALONE)
        return next(feed.batches(Progress(epoch=epoch)))[0]

    assert not torch.equal(first_batch(1, colour_epochs=2), first_batch(1, colour="off"))
    assert torch.equal(first_batch(2, colour_epochs=2), first_batch(2, colour="off"))


def test_the_averaged_weights_are_evaluated_and_kept_for_use(shards, tmp_path):
    from alextrain.training.evaluation import evaluate
    from alextrain.training.setup import make_augmenter, make_model

    given = recipe(ema=0.9, epochs=2)
    _, listener, trainer = fit(shards, tmp_path / "run", given)
    content = load_checkpoint(tmp_path / "run/last.pt")
    assert same(content["model"], trainer.average.model.state_dict())
    assert same(content["raw"], trainer.model.state_dict())
    assert not same(content["model"], content["raw"])
    sets = open_sets(shards, given, MACHINE, workers=1)
    model = make_model(given, 3)
    model.load_state_dict(content["model"])
    augmenter = make_augmenter(given, sets.statistics, MACHINE)
    found = evaluate(model, sets.validation, augmenter, MACHINE)
    assert found.loss == pytest.approx(listener.epochs[-1]["val_loss"], rel=1e-5)


def test_the_share_of_clipped_steps_is_logged(shards, tmp_path):
    _, tight, _ = fit(shards, tmp_path / "tight", recipe(clip=1e-6, epochs=2))
    assert [row["clipped"] for row in tight.epochs] == [1.0, 1.0]
    _, free, _ = fit(shards, tmp_path / "free", recipe(epochs=1))
    assert "clipped" not in free.epochs[0]


def test_conv1_rests_from_its_epoch_on_and_the_others_go_on(shards, tmp_path):
    changes = {"colour_epochs": 1, "milestones": [1], "conv1_drop": 1, "conv1_freeze": 2}
    name = "features.conv1.weight"
    weights = [
        fit(shards, tmp_path / str(epochs), recipe("authors", epochs=epochs, **changes))[2]
        for epochs in (1, 2, 3)
    ]
    one, two, three = (trainer.model.state_dict() for trainer in weights)
    assert not torch.equal(one[name], two[name])
    assert torch.equal(two[name], three[name])
    assert torch.equal(two["features.conv1.bias"], three["features.conv1.bias"])
    assert not torch.equal(two["features.conv2.weight"], three["features.conv2.weight"])


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_trains_and_validates(shards, tmp_path, name):
    result, _, _ = fit(shards, tmp_path / "run", recipe(name, epochs=1, width=0.02))
    assert result.finished
    assert math.isfinite(result.best.loss)
