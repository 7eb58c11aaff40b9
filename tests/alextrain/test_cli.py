"""The commands as a user types them."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from alextrain.cli import main
from alextrain.recipes.recipe import load_recipe

from .small_runs import CROP
from .small_shards import encode, picture

QUICK = ["--recipe", "quick", "--width", "0.05", "--crop", str(CROP), "--batch-size", "5"]
CPU = ["--device", "cpu"]


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def trained(shards, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "quick"
    result = run("fit", shards, *QUICK, *CPU, "--epochs", 2, "--run", folder)
    assert result.exit_code == 0, result.output
    return folder, result.output


def test_fit_says_what_it_does_and_what_to_do_next(trained):
    folder, output = trained
    for text in (
        "Device:   CPU",
        "22 images to train on, 7 to validate on (val), 3 classes",
        "Recipe:   quick: model quick, width 0.05",
        "the decoded images are kept in RAM",
        "epoch 2/2: train loss",
        "Best epoch",
        f"alextrain eval {folder}/best.pt",
        f"alextrain predict {folder}/best.pt IMAGE",
    ):
        assert text in output
    names = {path.name for path in folder.iterdir()}
    assert {"best.pt", "last.pt", "log.jsonl", "epochs.csv", "curves.png", "tensorboard"} <= names
    settings = {"width": 0.05, "crop": CROP, "batch_size": 5, "epochs": 2}
    assert load_recipe(folder / "recipe.toml") == load_recipe("quick", settings)


def test_eval_names_split_and_views_and_agrees_with_the_run(trained, shards):
    folder, output = trained
    best = json.loads(run("eval", folder / "best.pt", shards, *CPU, "--json").output)
    assert (best["split"], best["views"], best["images"]) == ("val", 1, 7)
    assert f"{best['top1_error']:.2%}" in output.split("Best epoch")[1]
    ten = run("eval", folder / "best.pt", shards, *CPU, "--split", "train", "--views", 10)
    assert ten.output.startswith("train, 10 views: top-1 error ")
    assert "it was trained on these images: this is no error on new ones" in ten.output
    assert "it was trained on these" not in run("eval", folder / "best.pt", shards, *CPU).output


def test_what_was_held_out_is_not_called_trained_on(shards, tmp_path):
    given = [*QUICK, *CPU, "--epochs", 1, "--holdout", 0.3, "--run", tmp_path / "run"]
    assert run("fit", shards, *given).exit_code == 0
    of_train = run("eval", tmp_path / "run/best.pt", shards, *CPU, "--split", "train")
    assert "trained on these images, but for the 30% that were held out: this" in of_train.output


def test_fit_gives_tensorboard_histograms_where_they_are_asked_for(shards, tmp_path):
    given = [*QUICK, *CPU, "--epochs", 1, "--run", tmp_path / "run"]
    assert run("fit", shards, *given, "--histograms").exit_code == 0
    board = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    assert "activations/fc8" in board.Tags()["histograms"]


@pytest.mark.parametrize("command", ["fit", "bench"])
def test_decoding_on_a_gpu_that_is_not_there_is_refused(shards, command):
    result = run(command, shards, *QUICK, *CPU, "--decode", "cuda")
    assert result.exit_code == 1
    assert "--decode cuda needs a CUDA GPU, and the network is on cpu" in result.output


def test_eval_draws_confusion_kernels_and_mistakes(trained, shards, tmp_path):
    folder, _ = trained
    result = run("eval", folder / "best.pt", shards, *CPU, "--figures", tmp_path / "figures")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "figures/confusion.png").stat().st_size > 5_000
    assert (tmp_path / "figures/kernels.png").stat().st_size > 5_000


def test_predict_names_classes_and_goes_on_after_a_bad_file(trained, tmp_path):
    folder, _ = trained
    good, bad = tmp_path / "good.jpg", tmp_path / "bad.jpg"
    good.write_bytes(encode(picture(3, 90)))
    bad.write_bytes(b"this is text")
    result = run("predict", folder / "best.pt", *CPU, bad, good, tmp_path / "none.jpg")
    assert result.exit_code == 3
    assert f"{bad}: " in result.output
    assert f"{tmp_path / 'none.jpg'}: cannot be read (No such file or directory)" in result.output
    rows = [line.split() for line in result.output.splitlines() if "%" in line]
    assert len(rows) == 3  # three classes, so three guesses
    assert sum(float(row[0].rstrip("%")) for row in rows) == pytest.approx(100, abs=0.2)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["fit", "/nowhere"], "/nowhere: no such folder; make shards with `alexprep shard"),
        (["fit", "SHARDS", "--recipe", "papr"], "did you mean 'paper'"),
        (["fit", "SHARDS", "--crop", "9"], "crop 9 leaves nothing after the pools"),
        (["fit", "SHARDS", "--set", "crob=9"], "unknown key 'crob': did you mean 'crop'"),
        (["fit", "SHARDS", "--set", "lr"], "'lr' sets nothing; give KEY=VALUE"),
        (["fit", "SHARDS", "--lr", "1", "--set", "lr=2"], "lr is given twice"),
        (["fit", "SHARDS", "--set", "links=no"], "links is 'no'; give true or false"),
        (["fit", "SHARDS", "--device", "gpu"], "--device gpu is unknown"),
        (["fit", "SHARDS", "--resume"], "--resume needs --run FOLDER"),
        (["fit", "SHARDS", "--resume", "--run", "/nowhere"], "has no checkpoint to resume from"),
        (["eval", "/nowhere.pt", "SHARDS"], "/nowhere.pt: no such checkpoint"),
        (["eval", "CHECKPOINT", "SHARDS", "--split", "test"], "has no split 'test'; it has train"),
    ],
)
def test_what_a_user_gets_wrong_is_one_sentence_and_status_1(trained, shards, arguments, sentence):
    names = {"SHARDS": shards, "CHECKPOINT": trained[0] / "best.pt"}
    result = run(*[names.get(argument, argument) for argument in arguments])
    assert result.exit_code == 1
    assert sentence in result.output
    assert "Traceback" not in result.output
    assert result.output.count("\n") == 1


def test_a_second_run_in_the_same_folder_is_refused_before_any_work(trained):
    result = run("fit", "/nowhere", *QUICK, *CPU, "--run", trained[0])
    assert result.exit_code == 1
    assert "holds a run already; continue it with `alextrain fit" in result.output


def test_a_run_that_is_named_as_a_checkpoint_gets_the_names_of_its_checkpoints(trained, shards):
    folder = trained[0]
    result = run("eval", folder, shards)
    assert f"{folder}: is a folder, no checkpoint; there is {folder}/best.pt and " in result.output
    result = run("eval", folder / "bset.pt", shards)
    assert f"bset.pt: no such checkpoint; there is {folder}/best.pt and " in result.output


def test_a_finished_run_is_not_trained_on_and_leaves_no_trace(trained, shards):
    log = (trained[0] / "log.jsonl").read_bytes()
    result = run("fit", shards, *CPU, "--run", trained[0], "--resume")
    assert result.exit_code == 0, result.output
    assert "epochs already" in result.output
    assert (trained[0] / "log.jsonl").read_bytes() == log
    other = run("fit", shards, "--run", trained[0], "--resume", "--weights", trained[0] / "best.pt")
    assert "goes on from the run's own weights; leave out --weights" in other.output
    longer = run("fit", shards, *CPU, "--run", trained[0], "--resume", "--epochs", 9)
    assert "leave out --epochs, or begin another run from its weights: " in longer.output


def test_help_needs_no_torch():
    code = (
        "import sys\nfrom alextrain.cli import main\n"
        "try:\n    main(['fit', '--help'])\nexcept SystemExit:\n    pass\n"
        "slow = {'torch', 'numpy', 'matplotlib', 'PIL', 'joblib'} & set(sys.modules)\n"
        "assert not slow, slow\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Examples:" in done.stdout
