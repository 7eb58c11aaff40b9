"""A run from its recipe to its best weights: the whole story of `alextrain fit` on one page."""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from alexprep.files import lock_directory
from alextrain.checkpoint import (
    BEST,
    LAST,
    load_checkpoint,
    load_latest,
    save_checkpoint,
    save_last,
)
from alextrain.data.draws import draw_batch
from alextrain.data.transfer import to_device
from alextrain.device import Machine
from alextrain.errors import DivergedError, RecipeError
from alextrain.evaluation import Evaluation, evaluate
from alextrain.health import StuckAlarm
from alextrain.loop import StepResult, Trainer, check_finite
from alextrain.metrics import Tally
from alextrain.recipe import Recipe
from alextrain.runlog import RunLog
from alextrain.sets import Sets
from alextrain.setup import make_augmenter
from alextrain.signals import describe_signals, measure_signals
from alextrain.snapshot import adopt_weights, check_same_shards, pack, unpack

SAVE_SECONDS = 600.0  # between checkpoints inside a long epoch


class Listener(Protocol):
    """Who shows a run to a person; the library itself prints nothing."""

    def note(self, text: str) -> None:
        """Hear something that the user should know."""

    def epoch_begins(self, epoch: int, samples: int, seen: int) -> None:
        """Hear that an epoch begins, or goes on after `seen` samples."""

    def step(self, result: StepResult, shown: dict[str, float] | None) -> None:
        """Hear of a step; `shown` holds figures whenever they were fetched from the device."""

    def epoch_ends(self, values: dict[str, Any]) -> None:
        """Hear that an epoch was trained and validated."""

    def stopping(self) -> bool:
        """Tell whether the user asked to stop; asked between steps."""


@dataclass(frozen=True)
class RunResult:
    """How a run ended."""

    finished: bool  # False: stopped by the user, to be resumed
    epochs: int
    step: int
    best: Evaluation | None  # of this call; None where nothing was validated
    checkpoint: Path  # the one to use: best.pt, or last.pt where nothing was validated


class Run:
    """One training run in its folder.

    Args:
        folder: Takes checkpoints and logs.
        sets: What is read.
        trainer: Model, optimiser and recipe.
        machine: Device and precision.
        listener: Hears all that happens.
    """

    def __init__(
        self, folder: Path, sets: Sets, trainer: Trainer, machine: Machine, listener: Listener
    ) -> None:
        self.folder = folder
        self.sets = sets
        self.trainer = trainer
        self.machine = machine
        self.listener = listener
        self.recipe: Recipe = trainer.recipe
        self.augmenter = make_augmenter(self.recipe, sets.statistics, machine)
        self.tally = Tally(machine.device)
        self.best: Evaluation | None = None
        self._alarm = StuckAlarm(len(sets.manifest.classes), self.recipe.input.normalise)
        self._stopped = False

    def start(self, resume: bool, weights: Path | None = None) -> None:
        """Take up the run's own checkpoint, or another run's weights, or nothing.

        Raises:
            RecipeError: the folder holds a run already and `resume` was not asked for.
            CheckpointError: nothing to resume, or of another model or other shards.
        """
        has_run = (self.folder / LAST).exists()
        if has_run and not resume:
            raise RecipeError(
                f"{self.folder}: holds a run already; continue it with `alextrain fit "
                f"{self.sets.folder} --run {self.folder} --resume`, or name another --run"
            )
        if resume:
            content, damaged = load_latest(self.folder)
            for sentence in damaged:
                self.listener.note(sentence)
            check_same_shards(content, self.sets.manifest, str(self.folder))
            unpack(content, self.trainer, self.tally, str(self.folder))
        elif weights is not None:
            self.listener.note(
                adopt_weights(self.trainer.model, load_checkpoint(weights), str(weights))
            )

    def fit(self) -> RunResult:
        """Train to the last epoch, or until the user asks to stop."""
        self.folder.mkdir(parents=True, exist_ok=True)
        progress = self.trainer.progress
        with lock_directory(self.folder):
            log = RunLog(self.folder, resume_step=progress.step)
            try:
                if progress.step == 0:
                    self._look_at_the_signal(log)
                while progress.epoch < self.recipe.epochs and not self._stopped:
                    self._epoch(log)
            finally:
                log.close()
        validated = (self.folder / BEST).exists()
        return RunResult(
            finished=not self._stopped,
            epochs=progress.epoch,
            step=progress.step,
            best=self.best,
            checkpoint=self.folder / (BEST if validated else LAST),
        )

    def _epoch(self, log: RunLog) -> None:
        progress = self.trainer.progress
        samples = self.sets.train_samples
        if progress.seen == 0:
            self.tally = Tally(self.machine.device)
        began = time.perf_counter()
        self.listener.epoch_begins(progress.epoch, samples, progress.seen)
        self._train(log)
        if self._stopped and progress.seen < samples:
            self._save()
            return
        values = self._close_epoch(time.perf_counter() - began)
        log.epoch(progress.epoch, progress.step, values)
        self.listener.epoch_ends(values)
        self._save()

    def _train(self, log: RunLog) -> None:
        progress, samples = self.trainer.progress, self.sets.train_samples
        steps = math.ceil(samples / self.recipe.batch_size)
        every = 1 if self.machine.device.type == "cpu" else 20
        saved = time.monotonic()
        batches = self._batches()
        for result in self.trainer.train(batches, steps, self.tally):
            shown = None
            if result.step % every == 0 or progress.seen == samples:
                loss = float(result.loss)  # host and device meet here, and nowhere else
                check_finite(loss, result, progress.epoch)
                shown = {"loss": loss, "rate": result.rate, "error": self.tally.result().top1_error}
                log.step(result.step, shown | {"epoch": progress.epoch})
                shown |= {"wait": self.sets.train.wait_seconds, "seen": progress.seen}
                if sentence := self._alarm.hear(result.step, loss):
                    self._tell(log, sentence)
            self.listener.step(result, shown)
            if self.listener.stopping():
                self._stopped = True
                batches.close()
                return
            if time.monotonic() - saved > SAVE_SECONDS:
                self._save()
                saved = time.monotonic()

    def _batches(self) -> Generator[tuple[Tensor, Tensor]]:
        progress, recipe = self.trainer.progress, self.recipe
        epoch, position = progress.epoch, progress.seen
        order = self.sets.order(recipe, epoch)[position:]
        size = self.sets.manifest.settings.size
        for batch in self.sets.train.batches(order):
            draws = draw_batch(
                self.augmenter.augmentation, size, recipe.seed, epoch, position, len(batch.labels)
            )
            position += len(batch.labels)
            images, labels, moved = to_device(batch, draws, self.machine.device)
            assert moved is not None
            yield self.augmenter(images, moved), labels

    def _close_epoch(self, seconds: float) -> dict[str, Any]:
        """Validate, move on to the next epoch, keep the best weights."""
        progress, trained = self.trainer.progress, self.tally.result()
        values: dict[str, Any] = {
            "train_loss": trained.loss,
            "train_top1_error": trained.top1_error,
            "train_top5_error": trained.top5_error,
            "rate": self.trainer.optimiser.param_groups[0]["lr"],
            "seconds": seconds,
            "images_per_second": trained.images / seconds,
        }
        progress.epoch += 1
        progress.seen = 0
        if self.sets.validation is None:
            return values
        found = self.validate()
        if not math.isfinite(found.loss):
            raise DivergedError(
                f"the validation loss became {found.loss} after epoch {progress.epoch}; nothing of "
                "this epoch is kept: lower --lr, or use --amp off"
            )
        values |= {"split": found.split, "views": found.views, "val_loss": found.loss}
        values["top_k"] = found.top_k
        values |= {"val_top1_error": found.top1_error, "val_top5_error": found.top5_error}
        progress.errors.append(found.top1_error)
        if found.top1_error < progress.best:
            progress.best, self.best = found.top1_error, found
            save_checkpoint(self.folder / BEST, self._content() | {"result": found.to_dict()})
        return values

    def validate(self) -> Evaluation:
        """Evaluate the network as it is now on the validation images, centre view."""
        assert self.sets.validation is not None
        return evaluate(
            self.trainer.model,
            self.sets.validation,
            self.augmenter,
            self.machine,
        )

    def _look_at_the_signal(self, log: RunLog) -> None:
        with closing(self._batches()) as batches:
            images, _ = next(batches)
        if len(images) < 2:
            return  # one image has nothing to differ from
        signals = measure_signals(self.trainer.model, images[:64])
        self._tell(log, describe_signals(signals))
        log.graph(self.trainer.model, images[:1])

    def _tell(self, log: RunLog, sentence: str) -> None:
        log.event(sentence)
        self.listener.note(sentence)

    def _content(self) -> dict[str, Any]:
        return pack(self.trainer, self.sets.manifest, self.sets.statistics, self.tally)

    def _save(self) -> None:
        save_last(self.folder, self._content())
