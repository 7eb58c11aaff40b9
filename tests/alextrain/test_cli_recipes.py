"""`summary`, `recipes` and `--set` as a user types them."""

import pytest
from click.testing import CliRunner

from alextrain.cli import main
from alextrain.recipes.recipe import load_recipe, recipe_names, recipe_text, setting, to_toml


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("recipe", "parameters", "macs"),
    [
        ("paper", "60,965,224", "724,406,816"),
        ("authors", "60,965,224", "724,406,816"),
        ("one-tower", "62,378,344", "1,135,256,096"),
        ("torchvision", "61,100,840", "714,188,480"),
        ("half", "59,798,312", "391,514,384"),
        ("six-conv", "61,555,304", "745,640,480"),
        ("caffe", "60,965,224", "724,406,816"),
        ("caffenet", "60,965,224", "724,406,816"),
    ],
)
def test_summary_shows_the_published_counts(recipe, parameters, macs):
    lines = run("summary", "--recipe", recipe).output.splitlines()
    (total,) = (line for line in lines if line.startswith("total"))
    assert total.split() == ["total", parameters, macs]


def test_summary_takes_any_key():
    output = run("summary", "--set", "lrn=off", "--set", "pools=disjoint").output
    assert "lrn" not in output
    assert "256x6x6" in output


def test_recipes_are_listed_with_or_without_saying_list():
    listed = run("recipes", "list").output
    assert [line.split()[0] for line in listed.splitlines()] == recipe_names()
    assert run("recipes").output == listed


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_is_shown_as_it_stands_and_what_is_shown_is_one(name, tmp_path):
    output = run("recipes", "show", name).output
    assert output.startswith(recipe_text(name))
    copy = tmp_path / f"{name}.toml"
    copy.write_text(output)
    assert load_recipe(copy) == load_recipe(name)


def test_two_recipes_are_compared_line_by_line():
    lines = run("recipes", "diff", "paper", "half").output.splitlines()
    assert lines[0].split() == ["paper", "half"]
    assert [line.split()[0] for line in lines[1:]] == ["kernels", "groups"]
    assert run("recipes", "diff", "paper", "paper").output == "paper and paper train alike\n"
    wrong = run("recipes", "diff", "paper", "tutorail")
    sentence = (
        "no recipe is named 'tutorail': did you mean 'tutorial'? (or give the path of a .toml)"
    )
    assert (wrong.exit_code, wrong.output) == (1, f"Error: {sentence}\n")


@pytest.mark.parametrize("name", recipe_names())
def test_the_whole_recipe_as_toml_brings_it_back(name, tmp_path):
    recipe = load_recipe(name, {"milestones": [3, 5], "seed": 7})
    path = tmp_path / "recipe.toml"
    path.write_text(to_toml(recipe))
    assert load_recipe(path) == recipe


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lr=0.02", ("lr", 0.02)),
        ("model = quick", ("model", "quick")),
        ('model="quick"', ("model", "quick")),
        ("milestones=[3, 5]", ("milestones", [3, 5])),
        ("flip=false", ("flip", False)),
        ("name=a=b", ("name", "a=b")),
    ],
)
def test_a_setting_is_a_key_and_what_toml_makes_of_its_value(text, expected):
    assert setting(text) == expected
