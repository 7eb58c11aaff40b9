"""Recipes: what comes with the program, overrides by name, and errors that help."""

import dataclasses
import io
import json
import os
import re

import pytest
import torch

from alextrain.errors import RecipeError
from alextrain.recipes.recipe import Recipe, load_recipe, recipe_keys, recipe_names, setting

MINIMAL = """
epochs = 3
batch_size = 16
[network]
model = "paper"
[input]
crop = 99
normalise = "mean-image"
[optimiser]
lr = 1
[schedule]
policy = "constant"
"""


def written(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return path


def test_paper_is_as_printed():
    paper = load_recipe("paper")
    assert (paper.epochs, paper.batch_size, paper.label_smoothing) == (90, 128, 0.0)
    assert (paper.optimiser.lr, paper.optimiser.momentum) == (0.01, 0.9)
    assert (paper.optimiser.weight_decay, paper.optimiser.velocity) == (0.0005, "with-rate")
    assert (paper.network.model, paper.network.init, paper.network.dropout) == (
        "paper",
        "paper",
        0.5,
    )
    assert (paper.input.crop, paper.input.normalise) == (224, "mean-image")
    assert (paper.input.crops, paper.input.crops_shared) == ("random", 1)
    assert (paper.input.colour, paper.input.colour_scale) == ("lambda", 0.1)
    assert not paper.input.colour_divides
    assert (paper.schedule.policy, paper.schedule.factor, paper.schedule.drops) == (
        "plateau",
        0.1,
        3,
    )


@pytest.mark.parametrize("name", ["one-tower", "half", "six-conv"])
def test_some_differ_from_paper_in_the_net_alone(name):
    paper, other = load_recipe("paper"), load_recipe(name)
    network = dataclasses.replace(paper.network, model=name)
    assert dataclasses.replace(paper, name=name, network=network) == other


def test_caffenet_differs_from_caffe_in_the_order_and_the_biases_alone():
    caffe, other = load_recipe("caffe"), load_recipe("caffenet")
    network = dataclasses.replace(caffe.network, model="caffenet", init="caffenet")
    assert dataclasses.replace(caffe, name="caffenet", network=network) == other


def test_caffe_has_its_solvers_numbers():
    """base_lr .01, batch 256, stepsize 100,000, max_iter 450,000; biases lr_mult 2, decay 0."""
    caffe = load_recipe("caffe")
    images = 1_281_167
    assert caffe.epochs == round(450_000 * caffe.batch_size / images)
    assert caffe.schedule.every == round(100_000 * caffe.batch_size / images)
    assert (caffe.optimiser.lr, caffe.optimiser.bias_lr) == (0.01, 2.0)
    assert (caffe.optimiser.weight_decay, caffe.optimiser.decay_biases) == (5e-4, False)
    assert (caffe.optimiser.velocity, caffe.schedule.factor) == ("with-rate", 0.1)
    assert (caffe.input.crop, caffe.input.normalise, caffe.input.colour) == (
        227,
        "mean-image",
        "off",
    )


def test_authors_is_config_145():
    authors = load_recipe("authors")
    assert (authors.epochs, authors.batch_size, authors.network.init) == (91, 128, "authors")
    assert (authors.input.crop, authors.input.crops_shared) == (224, 32)
    assert (authors.input.normalise, authors.input.colour) == ("mean-centre", "std")
    assert (authors.input.colour_epochs, authors.input.colour_divides) == (67, True)
    assert (authors.optimiser.lr, authors.optimiser.bias_lr) == (0.01, 2.0)


def test_no_recipe_of_the_paper_divides_by_255_or_by_deviations():
    for name in ("paper", "authors", "one-tower", "half", "six-conv", "caffe", "caffenet"):
        assert load_recipe(name).input.normalise.startswith("mean-"), name
        assert load_recipe(name).input.normalise != "mean-std", name


@pytest.mark.parametrize("name", recipe_names())
def test_each_recipe_fits_a_screen_and_begins_with_what_it_is(name):
    text = load_text(name)
    assert len(text.splitlines()) <= 45
    assert text.startswith("# ")
    head = " ".join(line.removeprefix("#") for line in text.split("epochs =")[0].splitlines())
    _, reproduces, expected, time = re.split(r" +(?:Reproduces|Expected|Time) {2,}", head)
    assert len(reproduces.split()) > 5
    assert re.search(
        r"\d % (more )?top-1|not (yet )?(known|measured)", " ".join(expected.split())
    ), expected
    assert re.search(r"not measured|results\.md", time), time


def load_text(name):
    from importlib.resources import files

    return (files("alextrain") / "recipes" / f"{name}.toml").read_text()


def test_an_override_needs_no_path_and_nothing_given_changes_nothing():
    overrides = {"crop": 143, "width": 0.25, "lr": 1, "seed": 7, "model": "quick", "epochs": None}
    recipe = load_recipe("paper", overrides)
    assert (recipe.input.crop, recipe.network.width, recipe.seed) == (143, 0.25, 7)
    assert (recipe.optimiser.lr, type(recipe.optimiser.lr)) == (1.0, float)
    assert (recipe.network.model, recipe.epochs) == ("quick", 90)
    assert load_recipe("paper", {}) == load_recipe("paper")


def test_each_key_has_one_name_in_the_whole_file():
    total = sum(len(dataclasses.fields(kind)) for kind in section_types())
    assert len(recipe_keys()) == total - 5  # the five tables are no keys


def section_types():
    recipe = load_recipe("paper")
    return [
        Recipe,
        *(
            type(getattr(recipe, t))
            for t in ("network", "input", "optimiser", "schedule", "distortions")
        ),
    ]


@pytest.mark.parametrize("name", recipe_names())
def test_plain_values_bring_a_recipe_back(name):
    recipe = load_recipe(name, {"milestones": [3, 5]})
    assert Recipe.from_dict(recipe.to_dict()) == recipe
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe
    file = io.BytesIO()
    torch.save(recipe.to_dict(), file)
    file.seek(0)
    assert Recipe.from_dict(torch.load(file, weights_only=True)) == recipe


def test_a_file_of_ones_own_is_named_after_itself(tmp_path):
    recipe = load_recipe(written(tmp_path, MINIMAL))
    assert (recipe.name, recipe.input.crop, recipe.optimiser.lr) == ("mine", 99, 1.0)


def test_a_recipe_cannot_be_changed_once_it_is_made():
    with pytest.raises(dataclasses.FrozenInstanceError):
        load_recipe("paper").seed = 1


def test_an_unknown_recipe_names_its_neighbours_or_all():
    with pytest.raises(RecipeError, match="no recipe is named 'papr': did you mean 'paper'"):
        load_recipe("papr")
    with pytest.raises(
        RecipeError, match=r"there are authors, caffe, caffenet, .*torchvision, tutorial"
    ):
        load_recipe("xyz")


BAD_OVERRIDES = {
    "unknown key 'widht': did you mean 'width'": {"widht": 0.5},
    "unknown key 'zzz': known are .*epochs, .*lr, ": {"zzz": 1},
    "crop is 0; give a number from 1 up": {"crop": 0},
    "crop is 1.5; give a whole number": {"crop": 1.5},
    "crop is true; give a whole number": {"crop": True},
    "width is 0.0; give a number from 0.001 to 100": {"width": 0},
    "width is 1e.300; give a number from 0.001 to 100": {"width": 1e300},
    "mixup is 1e.300; give 0, or from 0.001 to 100": {"mixup": 1e-300},
    "cutmix is 2000.0; give 0, or from 0.001 to 100": {"cutmix": 2000},
    "seed is 9223372036854775808; give a number of 64 bits": {"seed": 2**63},
    "name is '../boom'; give what can be the name of a file": {"name": "../boom"},
    r"name is 'a\\x00b'; give what can be the name of a file": {"name": "a\0b"},
    r"flip is '\[\[\[\[.*\[\.\.\.; give true or false": dict([setting("flip=" + "[" * 5000)]),
    "window is '9999.*; give a whole number": dict([setting("window=" + "9" * 5000)]),
    "lr is 'fast'; give a number": {"lr": "fast"},
    "lr is nan; give a number": {"lr": float("nan")},
    "lr is inf; give a number": {"lr": float("inf")},
    "model is 'vgg'; give one of paper, authors, one-tower, ": {"model": "vgg"},
    "dropout is 1.0; give a number from 0 up and below 1": {"dropout": 1},
    "flip is 1; give true or false": {"flip": 1},
    r"scale is \(1.0, 0.5\); give two numbers, 0 < a <= b": {"scale": [1, 0.5]},
    "scale is 0.5; give a list of numbers": {"scale": 0.5},
    "layer_rates is 3; give a list of texts": {"layer_rates": 3},
    r"milestones is \(5, 3\); give rising whole numbers": {"milestones": [5, 3]},
    "nesterov needs update 'sgd' and a momentum above 0; they are 'sgd' and 0.0": {
        "nesterov": True,
        "momentum": 0,
    },
}


@pytest.mark.parametrize("sentence", BAD_OVERRIDES)
def test_an_impossible_value_is_named_with_what_is_possible(sentence):
    with pytest.raises(RecipeError, match=f"^recipe paper: {sentence}"):
        load_recipe("paper", BAD_OVERRIDES[sentence])


BAD_FILES = {
    "lr missing in .optimiser.": MINIMAL.replace("lr = 1", ""),
    "epochs and batch_size missing": MINIMAL.replace("epochs = 3\nbatch_size = 16", ""),
    "model missing in .network.": MINIMAL.replace("[network]\nmodel", "[x]\nmodel"),
    "unknown key 'momentun' in .optimiser.: did you mean 'momentum'": MINIMAL.replace(
        "lr = 1", "lr = 1\nmomentun = 0.9"
    ),
    "unknown key 'crop' in .optimiser.": MINIMAL.replace("lr = 1", "lr = 1\ncrop = 3"),
    "input is 5; give a table, .input.": "input = 5\n" + MINIMAL.replace("[input]", "[x]"),
    "is not valid TOML: .*line 1": "epochs = = 3",
    "is not valid TOML: lists in lists without end": "epochs = " + "[" * 100_000,
    "is not valid TOML: .*5000 digits": "epochs = " + "9" * 5000,
    "is no recipe: it is longer than 1,000,000 bytes": "#" * 1_000_001,
}


@pytest.mark.parametrize("sentence", BAD_FILES)
def test_a_bad_file_is_named_with_what_is_wrong(tmp_path, sentence):
    path = written(tmp_path, BAD_FILES[sentence])
    with pytest.raises(RecipeError, match=f"^recipe {path}:? {sentence}"):
        load_recipe(path)


def test_a_file_that_is_missing_or_no_text_is_named(tmp_path):
    with pytest.raises(RecipeError, match=r"none\.toml cannot be read .No such file"):
        load_recipe(tmp_path / "none.toml")
    os.mkfifo(tmp_path / "pipe.toml")
    with pytest.raises(RecipeError, match=r"pipe\.toml is no file; give one of TOML"):
        load_recipe(tmp_path / "pipe.toml")
    path = tmp_path / "binary.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match=r"binary\.toml cannot be read .*decode"):
        load_recipe(path)
