"""A run from its recipe to its best weights: the whole story of `alextrain fit` on one page."""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from alexprep.errors import RawError, ShardError
from alextrain.device import Machine
from alextrain.recipes.recipe import Recipe
from alextrain.training.checkpoint import (
    BEST,
    LAST,
    Latest,
    refuse_run,
    save_checkpoint,
    save_last,
)
from alextrain.training.epoch import trained_values, validated_values
from alextrain.training.evaluation import Evaluation, evaluate
from alextrain.training.feed import Feed
from alextrain.training.folder import describe, open_folder
from alextrain.training.health import StuckAlarm
from alextrain.training.listener import Listener, Wish
from alextrain.training.looks import fixed_images, show_epoch, show_start
from alextrain.training.loop import StepResult, Trainer, check_finite
from alextrain.training.metrics import Tally
from alextrain.training.room import memory_errors
from alextrain.training.runlog import NoLog, RunLog
from alextrain.training.saving import USUAL, Saved, Saving
from alextrain.training.sets import Sets
from alextrain.training.setup import make_augmenter
from alextrain.training.signals import describe_signals, measure_signals
from alextrain.training.snapshot import (
    check_same_shards,
    check_same_validation,
    pack,
    unpack,
)
from alextrain.training.warm_start import begin_with

_Batches = Generator[tuple[Tensor, Tensor]]


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
        saving: How often checkpoints are written.
        histograms: Whether TensorBoard gets those of weights and activations after each epoch.
    """

    def __init__(
        self,
        folder: Path,
        sets: Sets,
        trainer: Trainer,
        machine: Machine,
        listener: Listener,
        saving: Saving = USUAL,
        *,
        histograms: bool = False,
    ) -> None:
        self.folder = folder
        self.sets = sets
        self.trainer = trainer
        self.machine = machine
        self.listener = listener
        self.saving = saving
        self.histograms = histograms
        self.ranks = trainer.ranks
        self.recipe: Recipe = trainer.recipe
        self.augmenter = make_augmenter(self.recipe, sets.statistics, machine)
        self.feed = Feed(sets, self.recipe, self.augmenter, self.ranks)
        self.tally = Tally(machine.device, self.ranks)
        self.best: Evaluation | None = None
        classes, init = len(sets.manifest.classes), self.recipe.network.init
        self._alarm = StuckAlarm(classes, self.recipe.input.normalise, init)
        self._stopped = False
        self._weights = ""  # which ones were taken up, if any

    def start(self, latest: Latest | None, weights: Path | None = None) -> None:
        """Take up the run's own checkpoint, or another run's weights, or nothing.

        Raises:
            RecipeError: the folder holds a run already, and it is not to be continued.
            CheckpointError: a checkpoint of another model or other shards.
        """
        if latest is not None:
            for sentence in latest.damaged:
                self.listener.note(sentence)
            validates = self.sets.validation is not None
            check_same_shards(latest.content, self.sets.manifest, str(self.folder))
            check_same_validation(latest.content, validates=validates, source=str(self.folder))
            unpack(latest.content, self.trainer, self.tally, str(self.folder))
            if self.trainer.progress.epoch >= self.recipe.epochs:
                self.listener.note(f"the run has all its {self.recipe.epochs} epochs already")
            return
        refuse_run(self.folder, str(self.sets.folder))
        if weights is not None:
            self._weights = begin_with(weights, self.trainer, self.sets.manifest.classes)
            self.listener.note(self._weights)

    def fit(self) -> RunResult:
        """Train to the last epoch, or until the user asks to stop.

        Raises:
            DeviceError: memory runs out.
            DivergedError: the loss is no number any more.
        """
        progress = self.trainer.progress
        with (
            memory_errors(self.recipe.batch_size),
            open_folder(self.folder, self.recipe, progress.step, self.ranks) as log,
        ):
            if progress.epoch < self.recipe.epochs:
                about = describe(self.machine, self.ranks, self.sets.manifest)
                log.machine(about | {"weights": self._weights})
            if progress.step == 0:
                self._look_at_the_signal(log)
            while progress.epoch < self.recipe.epochs and not self._stopped:
                self._epoch(log)
        validated = (self.folder / BEST).exists()
        return RunResult(
            finished=not self._stopped,
            epochs=progress.epoch,
            step=progress.step,
            best=self.best,
            checkpoint=self.folder / (BEST if validated else LAST),
        )

    def _epoch(self, log: RunLog | NoLog) -> None:
        progress = self.trainer.progress
        samples = self.sets.train_samples
        if progress.seen == 0:
            self.tally = Tally(self.machine.device, self.ranks)
            self.trainer.clipped.zero_()
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
        self._show(log)

    def _train(self, log: RunLog | NoLog) -> None:
        progress, samples = self.trainer.progress, self.sets.train_samples
        every = 1 if self.machine.device.type == "cpu" else 20
        batches = self.feed.batches(progress)
        saved = Saved(progress.step)
        for result in self.trainer.train(self._kept(batches, log), samples, self.tally):
            due = result.step % every == 0 or progress.seen == samples
            shown = self._figures(result, log) if due else None
            if sentence := self.trainer.gradients.note:
                self.trainer.gradients.note = ""
                self._tell(log, sentence)
            self.listener.step(result, shown)
            # Several processes have to agree, which costs them a word: not after each step.
            wish = self._wish(saved) if due or self.ranks.count == 1 else Wish.GO_ON
            if wish is Wish.STOP:
                self._stopped = True
                batches.close()
                return
            if wish is Wish.SAVE and progress.seen < samples:  # else the end of the epoch does it
                self._save()
                saved = Saved(progress.step)

    def _kept(self, batches: _Batches, log: RunLog | NoLog) -> _Batches:
        """Pass batches on; where none can be had any more, save what was trained."""
        try:
            yield from batches
        except (RawError, ShardError):
            if self.ranks.count == 1 and self.trainer.progress.step:
                self._save()
                self._tell(log, f"saved at step {self.trainer.progress.step:,}, to be resumed")
            raise

    def _figures(self, result: StepResult, log: RunLog | NoLog) -> dict[str, float]:
        """Fetch and log what is known of the epoch: host and device meet here and nowhere else."""
        progress = self.trainer.progress
        loss = float(result.loss)
        check_finite(loss, result, progress.epoch)
        shown = {"loss": loss, "rate": result.rate, "error": self.tally.result().top1_error}
        log.step(result.step, shown | {"epoch": progress.epoch + 1})
        if sentence := self._alarm.hear(result.step, loss):
            self._tell(log, sentence)
        return shown | {"wait": self.sets.train.wait_seconds, "seen": progress.seen}

    def _wish(self, saved: Saved) -> Wish:
        own = self.listener.wish()
        if saved.is_old(self.saving, self.trainer.progress.step):
            own = max(own, Wish.SAVE)
        return Wish(max(self.ranks.gather(int(own))))

    def _close_epoch(self, seconds: float) -> dict[str, Any]:
        """Validate, move on to the next epoch, keep the best weights."""
        progress, trained = self.trainer.progress, self.tally.result()
        classes = len(self.sets.manifest.classes)
        rate = self.trainer.optimiser.param_groups[0]["lr"]
        values = trained_values(trained, rate, seconds, classes)
        if self.recipe.optimiser.clip:
            steps = math.ceil(self.sets.train_samples / self.recipe.batch_size)
            values["clipped"] = int(self.trainer.clipped) / steps
        progress.epoch += 1
        progress.seen = 0
        if self.sets.validation is None:
            return values
        found = self.validate()
        values |= validated_values(found, classes, progress.epoch)
        progress.errors.append(found.top1_error)
        if found.top1_error < progress.best:
            progress.best, self.best = found.top1_error, found
            content = self._content() | {"result": found.to_dict()}
            if self.ranks.first:
                save_checkpoint(self.folder / BEST, content)
        return values

    def validate(self) -> Evaluation:
        """Evaluate the network as it is now on the validation images, centre view."""
        assert self.sets.validation is not None
        return evaluate(
            self.trainer.result,
            self.sets.validation,
            self.augmenter,
            self.machine,
            ranks=self.ranks,
        )

    def _look_at_the_signal(self, log: RunLog | NoLog) -> None:
        with closing(self.feed.batches(self.trainer.progress)) as batches:
            images, _ = next(batches)
        if len(images) < 2:
            return  # one image has nothing to differ from
        signals = measure_signals(self.trainer.model, images[:64])
        self._tell(log, describe_signals(signals))
        if self.ranks.first:
            show_start(log, self.trainer.model, images, self.augmenter)

    def _show(self, log: RunLog | NoLog) -> None:
        if self.ranks.first:
            images = fixed_images(self.sets, self.augmenter) if self.histograms else None
            show_epoch(log, self.trainer.result, self.trainer.progress.step, images)

    def _tell(self, log: RunLog | NoLog, sentence: str) -> None:
        log.event(sentence)
        self.listener.note(sentence)

    def _content(self) -> dict[str, Any]:
        return pack(self.trainer, self.sets.manifest, self.sets.statistics, self.tally)

    def _save(self) -> None:
        content = self._content()
        if self.ranks.first:
            save_last(self.folder, content, self.saving.keep)
