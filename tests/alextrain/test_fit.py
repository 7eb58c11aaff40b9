"""Runs from shards to checkpoints: what is trained, said and kept."""

import math

import pytest
import torch

from alextrain.errors import CheckpointError, DivergedError, RecipeError
from alextrain.recipes.recipe import recipe_names
from alextrain.training.checkpoint import load_checkpoint
from alextrain.training.sets import open_sets
from alextrain.training.setup import make_trainer

from .small_runs import MACHINE, fit, recipe, same, weights_of
from .small_shards import SIZE, encode, picture, write_set, write_statistics


@pytest.mark.parametrize(("cache", "workers"), [("ram", 1), ("off", 3), ("ram", 3)])
def test_neither_cache_nor_threads_change_the_weights(shards, tmp_path, cache, workers):
    given = recipe(epochs=1)
    fit(shards, tmp_path / "one", given, cache="off", workers=1)
    fit(shards, tmp_path / "other", given, cache=cache, workers=workers)
    assert same(weights_of(tmp_path / "one/last.pt"), weights_of(tmp_path / "other/last.pt"))


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
    """Five good steps, then a rate beyond all measure: what was saved before stays as it was."""
    folder = tmp_path / "run"
    fit(shards, folder, recipe("paper", epochs=1))
    before = (folder / "last.pt").read_bytes()
    with pytest.raises(DivergedError, match="lower --lr"):
        fit(shards, folder, recipe("paper", epochs=9, lr=1e30), resume=True)
    assert (folder / "last.pt").read_bytes() == before
    saved = load_checkpoint(folder / "last.pt")
    assert saved["progress"]["step"] == 5
    assert all(torch.isfinite(weights).all() for weights in saved["model"].values())
    result, listener, _ = fit(shards, folder, recipe("paper", epochs=2), resume=True)
    assert result.finished
    assert math.isfinite(listener.epochs[-1]["val_loss"])


def test_without_a_val_split_nothing_is_validated_and_it_is_said(tmp_path):
    folder = tmp_path / "shards"
    write_set(folder, {"train": [[encode(picture(i, SIZE)) for i in range(9)]]}, size=SIZE)
    write_statistics(folder)
    sets = open_sets(folder, recipe(), MACHINE)
    assert any("nothing will be validated" in note for note in sets.notes)
    result, listener, _ = fit(folder, tmp_path / "run", recipe(epochs=1))
    assert (result.best, result.checkpoint.name) == (None, "last.pt")
    assert "val_loss" not in listener.epochs[0]


def test_a_crop_larger_than_the_images_is_refused(shards, tmp_path):
    with pytest.raises(RecipeError, match="crop 99 does not fit into the 72x72 images"):
        fit(shards, tmp_path / "run", recipe(crop=99))


def test_fine_tuning_on_other_classes_makes_the_head_anew_and_says_so(shards, tmp_path):
    given = recipe(epochs=1)
    _, _, trainer = fit(shards, tmp_path / "run", given)
    content = load_checkpoint(tmp_path / "run/last.pt")
    more = make_trainer(given, MACHINE, 7, compiled=False)
    from alextrain.training.warm_start import adopt_weights

    said = adopt_weights(more.model, content, list("abcdefg"), "run")
    assert "the last layer is new, because that run knows 3 classes" in said
    assert torch.equal(
        more.model.get_parameter("features.conv1.weight"),
        trainer.model.get_parameter("features.conv1.weight"),
    )
    wide = make_trainer(recipe(width=0.1), MACHINE, 3, compiled=False)
    with pytest.raises(CheckpointError, match=r"'features.conv1.weight' has shape .* expected"):
        adopt_weights(wide.model, content, content["classes"], "run")


def test_as_many_classes_of_other_names_make_the_head_anew_too(shards, tmp_path):
    fit(shards, tmp_path / "run", recipe(epochs=1))
    content = load_checkpoint(tmp_path / "run/last.pt")
    same, others = content["classes"], ["zebra", *content["classes"][1:]]
    from alextrain.training.warm_start import adopt_weights

    for classes, kept in ((same, True), (others, False)):
        model = make_trainer(recipe(seed=5), MACHINE, 3, compiled=False).model
        said = adopt_weights(model, content, classes, "run")
        assert ("the last layer is new" in said) is not kept
        head = model.get_parameter("classifier.fc8.weight")
        assert torch.equal(head, content["model"]["classifier.fc8.weight"]) is kept
    assert f"other classes ({same[0]!r} where the shards have 'zebra')" in said


def test_colours_are_shifted_for_so_many_epochs_and_no_longer(shards):
    from alextrain.ranks import ALONE
    from alextrain.training.feed import Feed
    from alextrain.training.loop import Progress
    from alextrain.training.setup import make_augmenter

    def first_batch(epoch, **changes):
        given = recipe("authors", **changes)
        sets = open_sets(shards, given, MACHINE, workers=1)
        augmenter = make_augmenter(given, sets.statistics, MACHINE)
        feed = Feed(sets, given, augmenter, ALONE)
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
    # the gradients of the five steps are 16.8, 14.3, 14.7, 17.1 and 26.4 long
    _, some, _ = fit(shards, tmp_path / "some", recipe(clip=21, epochs=1))
    assert [row["clipped"] for row in some.epochs] == [0.2]
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
