"""The recipes side by side on a small real set: errors, curves, time; three seeds each.

    python -m benchmarks.recipes SHARDS OUT [--threads N] [--only paper,quick]
    python -m benchmarks.recipes SHARDS OUT --device cuda --width 1 --crop 227 --epochs 30 --seeds 1

SHARDS holds imagenette-160 (`alexprep shard imagenette-160.tar SHARDS --size 160`, then stats). A
run that was stopped goes on; those that are finished are not run again. All settings stand in this
file and were written down before the first run:

- width 0.25, crop 143, seeds 0 to 2, everything else as the recipe has it;
- 12 epochs for all, 30 for the first two;
- the second command is for a GPU, at full width on images of 256 pixels;
- what a recipe counts in epochs of its own length shrinks with it (authors: drops at 25, 51, 79 of
  91; caffe: a drop every 20 of 90); what it counts in epochs of waiting stays (paper: patience 5).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from alextrain.recipes.recipe import load_recipe
from alextrain.training.logged import read_epochs

RECIPES = ("paper", "authors", "caffe", "quick", "tutorial")
SHORT, LONG = 12, 30
LONGER = ("paper", "authors")
SEEDS = 3  # from 0
LENGTHS = ("every", "conv1_drop", "conv1_freeze", "colour_epochs")  # counted in epochs


def scaled(recipe, epochs):
    """Return what has to be set so that a recipe's own timetable fits into `epochs`."""
    whole = load_recipe(recipe)
    part = epochs / whole.epochs
    settings = {}
    for table in (whole.schedule, whole.input):
        for name in LENGTHS:
            length = getattr(table, name, 0)
            used = name != "every" or whole.schedule.policy == "step"
            if length and used:
                settings[name] = max(1, round(length * part))
    if whole.schedule.milestones:
        settings["milestones"] = [round(epoch * part) for epoch in whole.schedule.milestones]
    return settings


def fit(given, recipe, epochs, seed):
    """Train one, or go on with it; return its rows, an epoch each."""
    run = given.out / f"{recipe}-{epochs}-{seed}"
    done = run / "done"
    if not done.exists():
        options = {"width": given.width, "crop": given.crop, "epochs": epochs, "seed": seed}
        command = [sys.executable, "-m", "alextrain", "fit", str(given.shards), "--recipe", recipe]
        for name, value in options.items():
            command += [f"--{name}", str(value)]
        for name, value in scaled(recipe, epochs).items():
            command += ["--set", f"{name}={json.dumps(value)}"]
        command += ["--run", str(run), "--resume", "auto", "--device", given.device]
        if given.device == "cpu":
            command += ["--cache", "ram", "--workers", "1"]
        env = os.environ | {"OMP_NUM_THREADS": str(given.threads)}
        print(" ".join(command[1:]), flush=True)
        with (given.out / f"{run.name}.log").open("a") as log:
            subprocess.run(command, check=True, env=env, stdout=log)
        done.touch()
    return read_epochs(run)


def line(name, epochs, runs):
    """Return a row of the table: mean and deviation over the seeds."""
    best = [min(row["val_top1_error"] for row in rows) for rows in runs]
    last = [rows[-1]["val_top1_error"] for rows in runs]
    seconds = [sum(row["seconds"] for row in rows) for rows in runs]
    learnt = sum(error < 0.8 for error in last)
    cells = [f"{name}", f"{epochs}", *(_spread([1 - error for error in x]) for x in (best, last))]
    return (
        f"| {' | '.join(cells)} | {learnt} of {len(runs)} | {statistics.median(seconds):,.0f} s |"
    )


def _spread(values):
    mean = 100 * statistics.mean(values)
    deviation = 100 * statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{mean:.1f} ± {deviation:.1f} %"


def draw(path, results):
    """Draw the validation errors by epoch: mean over the seeds, lowest to highest as a band."""
    from matplotlib.figure import Figure  # noqa: PLC0415  # slow to import

    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.subplots()
    colours = {recipe: f"C{number}" for number, recipe in enumerate(RECIPES)}
    for (recipe, epochs), runs in results.items():
        errors = [[100 * row["val_top1_error"] for row in rows] for rows in runs]
        by_epoch = list(zip(*errors, strict=True))
        x = range(1, len(by_epoch) + 1)
        style = "-" if epochs == SHORT else "--"
        label = f"{recipe}, {epochs} epochs"
        mean = [statistics.mean(values) for values in by_epoch]
        axes.plot(x, mean, style, color=colours[recipe], label=label)
        low, high = map(min, by_epoch), map(max, by_epoch)
        axes.fill_between(x, list(low), list(high), color=colours[recipe], alpha=0.15, lw=0)
    axes.set(xlabel="epoch", ylabel="validation top-1 error, % (one view)", ylim=(0, 92))
    axes.axhline(90, color="grey", lw=0.8, ls=":")
    axes.text(30, 89.5, "guessing", ha="right", va="top", fontsize=8, color="grey")
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=90)


def main():
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("shards", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", default=",".join(RECIPES))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--width", type=float, default=0.25)
    parser.add_argument("--crop", type=int, default=143)
    parser.add_argument("--epochs", type=int, help="of all recipes")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    wanted = given.only.split(",")
    lengths = [(recipe, given.epochs or SHORT) for recipe in RECIPES]
    if not given.epochs:
        lengths += [(recipe, LONG) for recipe in LONGER]
    table = [
        "| recipe | epochs | best top-1 | last top-1 | learnt | fit |",
        "|---|---|---|---|---|---|",
    ]
    results = {}
    for recipe, epochs in lengths:
        if recipe in wanted:
            runs = [fit(given, recipe, epochs, seed) for seed in range(given.seeds)]
            results[recipe, epochs] = runs
            table.append(line(recipe, epochs, runs))
            (given.out / "table.md").write_text("\n".join(table) + "\n")
    draw(given.out / "curves.png", results)
    print("\n".join(table))


if __name__ == "__main__":
    main()
