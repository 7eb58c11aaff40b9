"""Each ablation takes one thing away; differences have the right sign and neighbours."""

import pytest
from click.testing import CliRunner

from alextrain.cli import main
from alextrain.errors import RecipeError
from alextrain.recipes.recipe import load_recipe
from alextrain.studies.ablation import ABLATIONS, choose, table
from alextrain.studies.compare import read_story
from alextrain.studies.facets import differences

from .small_shards import write_trainable
from .test_compare import write_run

# what facets.py says of a recipe, and each ablation may touch
TOPICS = {
    "no-lrn": {"LRN alpha", "LRN input", "LRN range"},
    "disjoint-pools": {"pooling", "input", "borders"},
    "half": {"kernels", "groups", "LRN range"},
    "no-links": {"groups", "kernels", "links", "LRN range"},
    "no-colour": {"colour magnitude", "colour duration"},
    "no-dropout": {"dropout"},
}


@pytest.mark.parametrize("ablation", ABLATIONS, ids=lambda ablation: ablation.name)
def test_an_ablation_touches_its_own_topics_alone(ablation):
    whole, part = load_recipe("paper"), load_recipe("paper", ablation.changes)
    touched = {topic for topic, _, _ in differences(whole, part)}
    assert touched, "it changes nothing"
    assert touched <= TOPICS[ablation.name]


def test_differences_stand_beside_the_published_ones(tmp_path):
    whole = read_story(write_run(tmp_path / "whole", [0.5, 0.40]))
    part = read_story(write_run(tmp_path / "part", [0.6, 0.42]))
    no_lrn, no_colour = table(whole, [(one, part) for one in choose("no-lrn,no-colour")])[2:4]
    top5 = ["21.00%", "+1.00"]
    assert no_lrn.split()[-8:-2] == ["42.00%", "+2.00", "+1.4", *top5, "+1.2"]
    assert no_colour.split()[-10:-4] == ["42.00%", "+2.00", "+1.0", *top5, "-"]
    assert max(map(len, (no_lrn, no_colour))) <= 100


def test_a_name_that_there_is_not_is_said():
    with pytest.raises(RecipeError, match="no ablation is named 'no-relu'; there are no-lrn, "):
        choose("half, no-relu")


def test_the_command_trains_all_and_goes_on_where_it_was_stopped(tmp_path):
    write_trainable(tmp_path / "shards")
    options = ["--width", "0.05", "--crop", "67", "--batch-size", "5", "--epochs", "1"]
    command = ["ablate", str(tmp_path / "shards"), *options, "--run", str(tmp_path / "runs")]
    command += ["--only", "no-lrn,no-links", "--device", "cpu"]
    first = CliRunner().invoke(main, command)
    assert first.exit_code == 0, first.output
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == ["no-links", "no-lrn", "whole"]
    again = CliRunner().invoke(main, command)
    assert again.exit_code == 0, again.output
    assert "epoch 1/1:" not in again.output
    assert first.output.partition("taken away")[2] == again.output.partition("taken away")[2] != ""
