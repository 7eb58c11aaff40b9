"""The pictures that a run ends with: kernels, and what its best network takes for what."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from alexprep.files import disk_errors, write_atomically
from alexprep.shards.reader import ShardReader
from alextrain.reports.report import ABOUT, Answers, draw, draw_first_layer, evaluate_network
from alextrain.training.evaluation import Subset
from alextrain.use.network import Network

ASKED = 2_000  # validation images at most: seconds, whatever the set


def draw_ending(
    folder: Path, network: Network, shards: Path | None, validation: Subset | None
) -> None:
    """Draw into a folder, and write there of what, for `report.html`.

    Args:
        folder: RUN/figures.
        network: The run's best.
        shards: That it was trained on; None: tars, which are not read once more.
        validation: What the run validated on; None: nothing, so the kernels alone are drawn.

    Raises:
        ShardError: shards that can no longer be read.
        DiskError: the disk is full or may not be written.
    """
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if shards is None or validation is None:
        draw_first_layer(folder / "kernels.png", network)
        why = "nothing was validated" if validation is None else "tars are not read once more"
        sentence = f"Mistakes and confusion were not drawn: {why}."
    else:
        reader = ShardReader(shards, "val" if validation.name == "val" else "train")
        every = validation.numbers
        some = every[np.linspace(0, len(every) - 1, min(len(every), ASKED)).astype(np.int64)]
        answers = Answers(len(network.classes))
        evaluate_network(network, reader, views=1, numbers=some, answers=answers)
        draw(folder, answers, network, reader, some)
        sentence = (
            f"Mistakes and confusion are of {len(some):,} of the {len(every):,} images "
            f"({validation.name}), after {Path(network.source).name}."
        )
    write_atomically(folder / ABOUT, sentence.encode())
