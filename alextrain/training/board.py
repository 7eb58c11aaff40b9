"""What a run leaves for TensorBoard: scalars, pictures, histograms, the net's graph."""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

    from alextrain.training.histograms import Histogram


class Board:
    """Writes TensorBoard's event files of one run.

    Args:
        folder: Takes the files; made if it is missing.
        resume_step: The step that the run goes on from: what an interrupted run wrote after it is
            hidden by what is written now.
    """

    def __init__(self, folder: Path, resume_step: int) -> None:
        # TensorBoard takes 0.4 s to import: only a run that writes pays for it
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415

        self._hook = threading.excepthook
        threading.excepthook = self._quiet_disk
        self._writer = SummaryWriter(str(folder), purge_step=resume_step + 1)
        self._graph_is_drawn = resume_step > 0

    def scalar(self, name: str, value: float, step: int) -> None:
        """Write a number."""
        self._writer.add_scalar(name, value, step)

    def picture(self, name: str, pixels: NDArray[np.uint8], step: int) -> None:
        """Write a picture, uint8 [h, w, 3]."""
        self._writer.add_image(name, pixels, step, dataformats="HWC")

    def histograms(self, found: Mapping[str, Histogram], step: int) -> None:
        """Write histograms by their names."""
        for name, histogram in found.items():
            self._writer.add_histogram_raw(
                name,
                min=histogram.low,
                max=histogram.high,
                num=sum(histogram.counts),
                sum=histogram.total,
                sum_squares=histogram.squares,
                bucket_limits=np.linspace(histogram.low, histogram.high, len(histogram.counts) + 1)[
                    1:
                ].tolist(),
                bucket_counts=histogram.counts,
                global_step=step,
            )

    def graph(self, model: torch.nn.Module, example: torch.Tensor) -> str | None:
        """Draw a net's graph, once in the life of a run; return why it could not be drawn.

        Changes neither the model nor any random state: the tracer runs it in evaluation mode.
        """
        if self._graph_is_drawn:
            return None
        self._graph_is_drawn = True
        try:
            with _quiet_tracer():
                self._writer.add_graph(model, example)
        except RuntimeError as error:  # a picture is not worth a run
            return f"the net's graph could not be drawn: {str(error).splitlines()[0]}"
        return None

    def flush(self) -> None:
        """Send what was written on its way to the disk."""
        self._writer.flush()

    def close(self) -> None:
        """Write what is left and close the files; a second call does nothing."""
        threading.excepthook = self._hook
        self._writer.close()

    def _quiet_disk(self, given: threading.ExceptHookArgs) -> None:
        # TensorBoard's thread cannot write: the next call here raises the same, so it is not shown
        if not isinstance(given.exc_value, OSError):
            self._hook(given)


@contextmanager
def _quiet_tracer() -> Iterator[None]:
    """Silence what TensorBoard's drawing makes torch say; it says nothing of the run."""
    from torch.jit import TracerWarning  # type: ignore[attr-defined]  # noqa: PLC0415

    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        # TensorBoard has no other way to a graph than the deprecated tracer, which also
        # warns of each Python value that it takes for a constant: sizes, here
        warnings.filterwarnings("ignore", r"`?torch\.jit\.trace")
        warnings.filterwarnings("ignore", category=TracerWarning)
        yield
