"""Runs side by side: the best first, what is not known left out, differences in words."""

from dataclasses import replace

import pytest
from click.testing import CliRunner

from alextrain.cli import main
from alextrain.errors import RecipeError
from alextrain.figures.comparison import draw_comparison
from alextrain.recipes.recipe import load_recipe, to_toml
from alextrain.studies.compare import beside, read_story, table, unique_names
from alextrain.training.runlog import RunLog

EPOCH = {"train_loss": 1.0, "train_top1_error": 0.5, "rate": 0.1, "images_per_second": 100.0}


def write_run(folder, errors, recipe="paper", **changes):
    folder.mkdir(parents=True)
    (folder / "recipe.toml").write_text(to_toml(load_recipe(recipe, changes)))
    log = RunLog(folder)
    for epoch, error in enumerate(errors, 1):
        found = (
            {}
            if error is None
            else {"split": "val", "val_top1_error": error, "val_loss": 2 * error}
        )
        top5 = {} if error is None else {"val_top5_error": error / 2}
        log.epoch(epoch, 10 * epoch, {**EPOCH, "seconds": 1800.0, **found, **top5})
    log.close()
    return folder


def test_other_shards_and_weights_are_said(tmp_path):
    for name, found in (
        ("a", {"fingerprint": "a" * 64, "weights": ""}),
        ("b", {"fingerprint": "b" * 64, "weights": "weights of a.pt"}),
        ("c", {"fingerprint": "a" * 64, "weights": ""}),
    ):
        log = RunLog(write_run(tmp_path / name, [0.5]), resume_step=10)
        log.machine(found)
        log.machine(found | {"weights": ""})  # resumed
        log.close()
    first, second, third = (read_story(tmp_path / name) for name in "abc")
    assert beside(first, third) == ["in nothing but the seed or the length, if at all"]
    begun, shards = beside(first, second)
    assert begun == "begun with: weights of a.pt (not new weights)"
    assert shards.startswith("shards: fingerprint bbbbbbbbbbbbbbbb (not aaaaaaaaaaaaaaaa)")


def test_the_speed_of_two_epochs_is_between_them(tmp_path):
    story = read_story(write_run(tmp_path / "run", [0.5, 0.4]))
    slow, fast = ({**row, "images_per_second": rate} for row in story.epochs[:1] for rate in (9, 5))
    assert replace(story, epochs=[slow, fast]).speed == 7


@pytest.fixture
def runs(tmp_path):
    return [
        write_run(tmp_path / "worse", [0.9, 0.6, 0.7]),
        write_run(tmp_path / "better", [0.8, 0.4], recipe="authors"),
        write_run(tmp_path / "unknown", [None]),
    ]


def test_the_smallest_error_of_any_epoch_comes_first(runs):
    lines = table([read_story(run) for run in runs])
    names = [line.split()[0] for line in lines[1:4]]
    assert names == ["better", "worse", "unknown"]
    epochs, best, top1, top5, loss, train, speed, hours = lines[2].split()[1:]
    assert (epochs, best, top1, top5) == ("3", "2", "60.00%", "30.00%")
    assert (loss, train, speed, hours) == ("1.2000", "50.00%", "100", "1.50")
    assert lines[3].split()[3:6] == ["-", "-", "-"]


def test_the_command_says_in_what_recipes_differ_and_draws(runs, tmp_path):
    figure = tmp_path / "c.png"
    arguments = ["compare", *map(str, runs), "--figure", str(figure)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert "better differs from worse:" in result.output
    assert "  mean image" in result.output or "  mean" in result.output
    assert "unknown differs from worse:\n  in nothing" in result.output
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_each_run_has_its_curves(runs, tmp_path):
    stories = {run.name: read_story(run).epochs for run in runs}
    figure = draw_comparison(tmp_path / "c.png", stories)
    for axes in figure.axes:
        drawn = {line.get_gid(): list(line.get_ydata()) for line in axes.get_lines()}
        assert set(drawn) == {"worse", "better", "unknown"}
    assert {line.get_gid(): list(line.get_ydata()) for line in figure.axes[0].get_lines()} == {
        "worse": [0.9, 0.6, 0.7],
        "better": [0.8, 0.4],
        "unknown": [0.5],  # training: nothing was validated
    }


def test_runs_of_one_name_are_told_apart(tmp_path):
    folders = [tmp_path / "a" / "quick", tmp_path / "b" / "quick"]
    assert unique_names(folders) == ["a/quick", "b/quick"]
    assert unique_names(folders[:1]) == ["quick"]


def test_what_is_no_run_is_said(tmp_path):
    with pytest.raises(RecipeError, match=r"is no run \(recipe.toml is missing\)"):
        read_story(tmp_path)
    empty = write_run(tmp_path / "empty", [])
    with pytest.raises(RecipeError, match="no epoch of this run is finished yet"):
        read_story(empty)
