"""Runs that differ in their seed alone."""

import json
import math

import pytest
from click.testing import CliRunner

from alextrain.cli import main
from alextrain.errors import RecipeError
from alextrain.recipes.recipe import load_recipe
from alextrain.studies.repeat import repeats_of, seeded
from alextrain.training.logged import read_epochs
from alextrain.training.runlog import RunLog

from .test_cli import CPU, QUICK


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def logged(folder, errors, train_loss):
    log = RunLog(folder)
    for epoch, error in enumerate(errors, 1):
        values = {"train_loss": train_loss, "val_top1_error": error, "val_top5_error": error / 2}
        log.epoch(epoch, epoch, values)
    log.close()
    return folder


def test_mean_deviation_and_the_share_that_learned(tmp_path):
    learned, stuck = 1.0, 0.995 * math.log(10)
    folders = [
        logged(tmp_path / "a", [0.5, 0.4, 0.45], learned),
        logged(tmp_path / "b", [0.6, 0.6], learned),
        logged(tmp_path / "c", [0.9, 0.8], stuck),
    ]
    recipes = seeded(load_recipe("quick", {"seed": 5}), 3)
    found = repeats_of(folders, recipes, 10)
    assert found.seeds == (5, 6, 7)
    assert found.top1_errors == (0.4, 0.6, 0.8)
    assert found.learned == 2
    values = found.to_dict()
    assert values["top1_mean"] == pytest.approx(0.6)
    assert values["top1_deviation"] == pytest.approx(0.2)
    lines = found.lines()
    assert lines[4].split() == ["mean", "60.00%", "30.00%"]
    assert lines[5].split() == ["deviation", "20.00%", "10.00%"]
    assert lines[6] == "2 of 3 learned"


def test_runs_without_validation_cannot_be_compared(tmp_path):
    log = RunLog(tmp_path)
    log.epoch(1, 1, {"train_loss": 1.0})
    log.close()
    with pytest.raises(RecipeError, match=r"nothing was validated.*use --holdout 0.05"):
        repeats_of([tmp_path], seeded(load_recipe("quick"), 1), 3)


def test_fit_repeat_trains_each_seed_as_fit_alone_would_and_compares(shards, tmp_path):
    options = [*QUICK, *CPU, "--epochs", 1]
    result = run("fit", shards, *options, "--repeat", 2, "--seed", 3, "--run", tmp_path / "r")
    assert result.exit_code == 0, result.output
    alone = run("fit", shards, *options, "--seed", 4, "--run", tmp_path / "alone")
    assert alone.exit_code == 0, alone.output
    mine, its = (read_epochs(tmp_path / name)[0] for name in ("r/seed-4", "alone"))
    assert mine["val_loss"] == its["val_loss"]
    found = json.loads((tmp_path / "r/repeat.json").read_text())
    assert found["seeds"] == [3, 4]
    assert "of 2 learned" in result.output
    again = run(
        "fit", shards, *options, "--repeat", 2, "--seed", 3, "--run", tmp_path / "r", "--resume"
    )
    assert again.exit_code == 0, again.output
    assert json.loads((tmp_path / "r/repeat.json").read_text()) == found


def test_fit_find_lr_draws_and_names_a_rate_and_begins_no_run(shards, tmp_path):
    folder = tmp_path / "search"
    result = run("fit", shards, *QUICK, *CPU, "--find-lr", "--run", folder)
    assert result.exit_code == 0, result.output
    assert "a tenth of that is a good first rate" in result.output
    again = f"alextrain fit {shards} --recipe quick --width 0.05 --crop 67 --batch-size 5 --lr "
    assert again in result.output
    slow = ["--recipe", "paper", "--width", 0.02, "--crop", 67, "--batch-size", 22, "--lr", 1e-9]
    slow += ["--set", "dropout=0"]
    dead = run("fit", shards, *slow, *CPU, "--find-lr", "--run", folder)
    assert (dead.exit_code, "the loss fell at no rate from 1.0e-12" in dead.output) == (1, True)
    assert [path.name for path in folder.iterdir()] == ["find-lr.png"]
