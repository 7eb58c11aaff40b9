"""Structured pruning takes out what does least, keeps the halves apart, and leaves a usual net."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import alextrain
from alextrain.cli import main
from alextrain.device import choose_machine
from alextrain.errors import RecipeError
from alextrain.models import design_of
from alextrain.shrink.prune import pruned_network, pruned_recipe
from alextrain.training.checkpoint import load_checkpoint
from alextrain.training.setup import make_model
from alextrain.use.network import Network
from tests.alextrain.small_runs import recipe


def network_of(checkpoint, given):
    """A network of any recipe, with random weights in the place of trained ones."""
    model = make_model(given, 3)
    draw = torch.Generator().manual_seed(0)
    for name, weights in model.state_dict().items():
        if name.endswith("running_var"):
            weights.uniform_(0.5, 2, generator=draw)
        elif weights.is_floating_point():
            weights.normal_(0, 0.1, generator=draw)
    content = load_checkpoint(checkpoint)
    content |= {"recipe": given.to_dict(), "model": model.state_dict()}
    return Network.of(content, "x", choose_machine("cpu"))


def silence(network, columns, columns_full):
    """Make every second kernel of each column, and every second hidden unit, say nothing."""
    for name, weights in network.model.state_dict().items():
        layer, part = name.rsplit(".", 1)
        if layer.endswith("fc8") or part in ("running_var", "num_batches_tracked"):
            continue
        count = columns_full if "fc" in layer else columns
        for column in weights.chunk(count):
            column[1::2] = 0


# without LRN: its windows reach over what is taken out
SILENT = [
    ("quick", {}),
    ("one-tower", {"lrn": "off"}),
    ("paper", {"lrn": "off", "links": False}),
    ("six-conv", {"lrn": "off"}),
    ("torchvision", {}),
]


@pytest.mark.parametrize(("name", "switches"), SILENT, ids=str)
def test_what_says_nothing_is_taken_out_and_nothing_changes(checkpoint, name, switches):
    given = recipe("quick" if name == "quick" else "paper", model=name, width=1 / 16, **switches)
    whole = network_of(checkpoint, given)
    design = design_of(given.network)
    silence(whole, design.columns, design.full_columns)
    small = pruned_network(whole, pruned_recipe(given, 0.5, 1, None))
    images = torch.randn(2, 3, given.input.crop, given.input.crop)
    with torch.inference_mode():
        expected, found = whole.model(images), small.model(images)
    assert expected.std() > 0
    assert torch.allclose(found, expected, atol=1e-4)
    parameters = [sum(p.numel() for p in one.model.parameters()) for one in (whole, small)]
    assert parameters[1] < 0.35 * parameters[0]


@pytest.mark.parametrize("name", ["authors", "caffenet", "half"])
def test_every_net_of_the_family_can_be_pruned(checkpoint, name):
    given = recipe("paper", model=name, width=1 / 16)
    small = pruned_network(network_of(checkpoint, given), pruned_recipe(given, 0.6, 1, None))
    with torch.inference_mode():
        logits = small.model(torch.zeros(1, 3, given.input.crop, given.input.crop))
    assert logits.shape == (1, 3)


@pytest.mark.parametrize("keep", [0, 1, -0.5, 1.5])
def test_a_share_that_is_none_is_refused(keep):
    with pytest.raises(RecipeError, match="give a share above 0 and below 1"):
        pruned_recipe(recipe(), keep, 1, None)


def test_the_rate_begins_at_a_tenth():
    given = recipe(lr=0.05)
    assert pruned_recipe(given, 0.5, 4, None).optimiser.lr == pytest.approx(0.005)
    assert pruned_recipe(given, 0.5, 4, 0.3).optimiser.lr == 0.3
    assert pruned_recipe(given, 0.5, 4, None).epochs == 4


def test_the_command_tunes_measures_and_leaves_a_run(checkpoint, shards, tmp_path):
    folder = tmp_path / "pruned"
    command = ["prune", checkpoint, shards, "--keep", 0.6, "--epochs", 2, "--run", folder]
    command += ["--split", "train", "--json", "--device", "cpu"]
    result = CliRunner().invoke(main, [str(part) for part in command])
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert [row["name"] for row in rows] == ["whole", "pruned", "fine-tuned"]
    assert rows[2]["bytes"] == rows[1]["bytes"] < 0.7 * rows[0]["bytes"]
    tuned = alextrain.load(folder / "best.pt", "cpu")
    assert tuned.network.recipe.name == "quick-pruned"
    assert tuned.predict(np.zeros((90, 70, 3), np.uint8))
    again = CliRunner().invoke(main, [str(part) for part in command])
    assert again.exit_code == 1
    assert "holds a run already" in again.output
