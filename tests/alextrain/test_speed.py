"""`alextrain bench`: it measures what it says, names the bottleneck and leaves nothing behind."""

import pytest

from alextrain.cli.bench import _advice
from alextrain.device import choose_machine
from alextrain.errors import RecipeError
from alextrain.recipes.recipe import load_recipe
from alextrain.studies.rivals import check_names, measure_nets
from alextrain.studies.speed import Speed, measure_speed
from alextrain.training.sets import open_sets

from .small_shards import write_trainable

MACHINE = choose_machine("cpu")


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return write_trainable(tmp_path_factory.mktemp("shards"))


@pytest.mark.parametrize(("name", "has_lrn"), [("paper", True), ("quick", False)])
def test_a_net_on_shards_is_measured_and_nothing_is_written(shards, name, has_lrn):
    before = {path: path.stat().st_mtime_ns for path in shards.rglob("*")}
    recipe = load_recipe(name, {"width": 0.05, "crop": 67, "batch_size": 5})
    sets = open_sets(shards, recipe, MACHINE, workers=1)
    speed = measure_speed(sets, recipe, MACHINE, compiled=False, seconds=0.05)
    assert min(speed.loader, speed.network, speed.together, speed.bytes) > 0
    assert 0 <= speed.waiting <= 1
    assert (speed.lrn is not None) == has_lrn
    assert {path: path.stat().st_mtime_ns for path in shards.rglob("*")} == before


@pytest.mark.parametrize(
    ("loader", "network", "together", "expected"),
    [
        (1000, 5000, 990, "loader"),
        (5000, 1000, 990, "network"),
        (1000, 1050, 900, "neither"),
        (5000, 1000, 500, "cores"),
        (1000, 5000, 500, "cores"),
    ],
)
def test_the_bottleneck_is_named(loader, network, together, expected):
    assert Speed(loader, network, together, 0.0, None, 1).bottleneck == expected


@pytest.mark.parametrize(
    ("bottleneck", "cache", "has", "lacks"),
    [
        ("loader", "off", "--cache ram or device", "any more"),
        ("loader", "ram", "--cache device on a GPU", "--cache ram"),
        ("loader", "device", "smaller --crop", "--cache"),
        ("cores", "off", "--cache ram", "any more"),
        ("cores", "ram", "fewer --workers", "--cache"),
        ("network", "ram", "the loader keeps up", "--cache"),
    ],
)
def test_nothing_is_advised_that_is_done_already(bottleneck, cache, has, lacks):
    said = _advice(bottleneck, cache)
    assert has in said
    assert lacks not in said


def test_sets_say_where_decoded_images_are(shards):
    recipe = load_recipe("quick", {"width": 0.05, "crop": 67, "batch_size": 5})
    kept = [open_sets(shards, recipe, MACHINE, cache=c, workers=1).cache for c in ("off", "ram")]
    assert kept == ["off", "ram"]


def test_nets_of_torchvision_are_measured_beside_ours():
    recipe = load_recipe("quick", {"width": 0.05, "crop": 67, "batch_size": 2})
    ours, theirs = measure_nets(
        ["squeezenet1_1"], recipe, MACHINE, classes=7, compiled=False, seconds=0.01
    )
    assert (ours.name, theirs.name) == ("quick", "squeezenet1_1")
    # 1,235,496 with 1,000 classes, by torchvision's own table; its head has 513 a class
    assert theirs.parameters == 1_235_496 - 993 * 513
    assert theirs.bytes > 4 * theirs.parameters
    assert theirs.predicting > theirs.training > 0


def test_a_net_that_torchvision_lacks_is_named():
    with pytest.raises(RecipeError, match="no classifier 'resnet19': did you mean resnet18"):
        check_names(["resnet18", "resnet19"])
