"""A run that was stopped goes on as if it had not been; another one is not taken for it."""

import pytest

from alextrain.errors import CheckpointError, RecipeError
from alextrain.training.checkpoint import content_digest, load_checkpoint
from alextrain.training.logged import read_log

from .small_runs import fit, recipe, same, weights_of
from .small_shards import SIZE, encode, picture, write_set, write_statistics

# What a run has to remember: batch statistics; velocities; frozen layers, late colours and shared
# crops; two moments of each weight; an average of the weights; the errors so far; and nothing of
# what distortions draw.
STATES = {
    "quick": {},
    "paper": {},
    "authors": {"colour_epochs": 1, "milestones": [1], "conv1_drop": 1, "conv1_freeze": 2},
    "tutorial": {},
    "adamw": {"name": "tutorial", "update": "adamw", "clip": 0.5},
    "average": {"name": "quick", "ema": 0.9},
    "mixed": {"name": "quick", "mixup": 0.2, "cutmix": 1, "erasing": 0.5, "hue": 0.1},
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


def test_a_run_goes_on_with_another_number_of_loader_threads(shards, tmp_path):
    given = recipe(epochs=2)
    fit(shards, tmp_path / "whole", given, workers=1)
    for workers, stop in ((1, 2), (3, 4), (2, None)):  # the last from the middle of epoch 2
        begun = (tmp_path / "cut/last.pt").exists()
        fit(shards, tmp_path / "cut", given, stop, resume=begun, workers=workers)
    assert same(weights_of(tmp_path / "whole/last.pt"), weights_of(tmp_path / "cut/last.pt"))


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
