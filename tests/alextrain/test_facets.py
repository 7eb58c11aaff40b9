"""Recipes in words: what differs between two of them is said, and nothing else."""

import itertools

import pytest

from alextrain.recipes.recipe import load_recipe, recipe_keys, recipe_names
from alextrain.studies.facets import describe, differences


def test_paper_and_authors_differ_in_the_words_of_the_sources():
    found = {topic: (a, b) for topic, a, b in differences(*map(load_recipe, ("paper", "authors")))}
    expected = {
        "LRN alpha": ("1e-4 sum, k 2", "(1e-4/5) sum, k 2"),
        "LRN input": ("after ReLU", "LRN1 before ReLU; ReLU1 after pool1"),
        "extra norm": ("none", "spatial rnorm 5x5 after LRN2"),
        "LRN range": (
            "all kernels of the layer",
            "per half: windows never cross maps 47|48 (127|128)",
        ),
        "init": ("N(0, 0.01)", "N(0, 0.01), 0.03 in conv3-5"),
        "bias lr": ("equal lr", "2x (0.02), never lowered"),
        "conv1 lr": ("as all layers", "0.1 of the others' from epoch 67, frozen from 72"),
        "crops and flips": ("per image", "shared by 32 images"),
        "colour magnitude": ("~ eigenvalue, 0.1", "~ sqrt(eigenvalue) (std), 0.1, then /1.1"),
        "colour duration": ("always", "off from epoch 67"),
        "mean": ("mean image, at the crop's place", "centre crop of the mean for all crops"),
        "epochs": ("90", "91"),
        "lr in time": (
            "x0.1 when the validation error stalls for 5 epochs, 3 times",
            "x0.1 at epochs 25, 51, 79",
        ),
    }
    assert found == expected


def test_where_the_paper_is_silent_the_recipe_takes_its_authors_way_and_so_says_the_same():
    """The source's other two differences, of three; the third, 2048 crops, is no choice."""
    one, other = (describe(load_recipe(name)) for name in ("paper", "authors"))
    assert one["bias decay"] == other["bias decay"] == "0"
    border = "224: zeros right and bottom until the stride fits (ceil)"
    assert one["input"] == other["input"] == border


def test_no_two_recipes_read_alike_and_each_reads_like_itself():
    recipes = [load_recipe(name) for name in recipe_names()]
    for first, second in itertools.combinations(recipes, 2):
        assert differences(first, second), (first.name, second.name)
    assert all(not differences(recipe, load_recipe(recipe.name)) for recipe in recipes)


# key -> another value, and what must be set beside it to matter
CHANGES = {
    "model": ("half", {}),
    "width": (0.5, {}),
    "dropout": (0.2, {}),
    "init": ("he", {}),
    "border": ("around", {}),
    "lrn": ("coded", {}),
    "pools": ("disjoint", {}),
    "links": (False, {}),
    "crop": (200, {}),
    "normalise": ("mean-std", {}),
    "crops": ("centre", {}),
    "flip": (False, {}),
    "crops_shared": (4, {}),
    "scale": ([0.1, 1], {"crops": "resized"}),
    "ratio": ([0.9, 1.2], {"crops": "resized"}),
    "colour": ("std", {}),
    "colour_scale": (0.2, {}),
    "colour_epochs": (3, {}),
    "colour_divides": (True, {}),
    "lr": (0.1, {}),
    "update": ("adam", {}),
    "momentum": (0.8, {}),
    "weight_decay": (0, {}),
    "nesterov": (True, {}),
    "velocity": ("without-rate", {}),
    "bias_lr": (3, {}),
    "layer_rates": (["conv1=0"], {}),
    "decay_biases": (True, {}),
    "clip": (1, {}),
    "ema": (0.9, {}),
    "policy": ("constant", {}),
    "warmup_steps": (9, {}),
    "factor": (0.5, {}),
    "drops": (2, {}),
    "patience": (2, {}),
    "milestones": ([3], {"policy": "milestones"}),
    "every": (3, {"policy": "step"}),
    "levels": (3, {"policy": "dexp"}),
    "fall": (9, {"policy": "dexp"}),
    "power": (2, {"policy": "polynomial"}),
    "peak": (0.5, {"policy": "one-cycle"}),
    "bias_rate": ("stays", {}),
    "conv1_drop": (3, {}),
    "conv1_freeze": (3, {}),
    "epochs": (3, {}),
    "batch_size": (3, {}),
    "label_smoothing": (0.1, {}),
    "holdout": (0.1, {}),
    "seed": (3, {}),
    "rotation": (10, {}),
    "brightness": (0.4, {}),
    "contrast": (0.4, {}),
    "saturation": (0.4, {}),
    "hue": (0.1, {}),
    "erasing": (0.25, {}),
    "mixup": (0.2, {}),
    "cutmix": (1, {}),
    "window": (3, {}),
}


def test_every_key_is_tried_below():
    assert set(CHANGES) == set(recipe_keys()) - {"name"}


@pytest.mark.parametrize("key", CHANGES)
def test_no_key_can_change_unsaid(key):
    value, beside = CHANGES[key]
    before, after = load_recipe("paper", beside), load_recipe("paper", {**beside, key: value})
    assert differences(before, after)


def test_one_change_is_said_under_one_topic():
    for key in ("lr", "crop", "normalise", "pools", "clip", "epochs", "bias_rate", "crops_shared"):
        found = differences(load_recipe("paper"), load_recipe("paper", {key: CHANGES[key][0]}))
        assert len(found) == 1, key


def test_words_fit_a_line():
    for name in recipe_names():
        assert all(len(words) <= 75 for words in describe(load_recipe(name)).values())
