"""What a person sees of a run: a bar on a terminal, plain lines elsewhere; and the signals."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
from tqdm import tqdm

if TYPE_CHECKING:
    from alextrain.training.listener import Wish
    from alextrain.training.loop import StepResult

TWICE = 1.0  # seconds: torchrun sends SIGTERM several times at once, and means it once
LINE_SECONDS = 20.0  # between progress lines where there is no terminal


class Screen:
    """The listener of a run (see alextrain.training.listener.Listener).

    The first Ctrl-C or SIGTERM asks the run to save and stop; a second one ends it at once.
    SIGUSR1, which batch systems send before the time is up, asks it to save and go on.

    Args:
        epochs: Of the whole run.
        silent: Print nothing: of several processes the first one speaks.
    """

    def __init__(self, epochs: int, *, silent: bool = False) -> None:
        self.epochs = epochs
        self.silent = silent
        self.exit_code = 0
        self._save = False
        self._asked = 0.0
        self._bar: Any = None
        self._samples = 0
        self._said = 0.0
        self._began = 0.0
        self._wait = 0.0
        self._epoch = 0

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Turn Ctrl-C, SIGTERM and SIGUSR1 into wishes while the run goes on."""
        old = {
            number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)
        }
        old[signal.SIGUSR1] = signal.signal(signal.SIGUSR1, self._save_now)
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)
            self._close()

    def _stop(self, number: int, _frame: object) -> None:
        now = time.monotonic()
        if self.exit_code:
            if now - self._asked < TWICE:
                return
            raise KeyboardInterrupt
        self.exit_code, self._asked = 128 + number, now
        self.say("Stopping after this step and saving; once more ends at once.")

    def _save_now(self, _number: int, _frame: object) -> None:
        self._save = True
        self.say("Saving after this step.")

    def wish(self) -> Wish:
        """Tell whether the user asked to save or to stop."""
        from alextrain.training.listener import Wish

        if self.exit_code:
            return Wish.STOP
        save, self._save = self._save, False
        return Wish.SAVE if save else Wish.GO_ON

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        if self.silent:
            return
        if self._bar is not None:
            self._bar.clear()
        click.echo(text)

    note = say

    def caching(self, done: int, total: int) -> None:
        """Show that images are being decoded into memory."""
        self.counting("decoding", done, total)

    def evaluating(self, done: int, total: int) -> None:
        """Show how far an evaluation is."""
        self.counting("evaluating", done, total)

    def epoch_begins(self, epoch: int, samples: int, seen: int) -> None:
        """Open the bar of an epoch."""
        self._epoch, self._samples = epoch + 1, samples
        self._began, self._wait = time.perf_counter(), -1.0
        self._open(f"epoch {self._epoch}/{self.epochs}", samples, seen)

    def step(self, result: StepResult, shown: dict[str, float] | None) -> None:
        """Move the bar; renew the figures whenever there are new ones."""
        self._bar.update(result.images)
        if shown is not None:
            if self._wait < 0:
                self._wait = shown["wait"]
            self._bar.set_postfix_str(self._figures(shown), refresh=False)
        if self._bar.disable:
            self._plain_line(shown)

    def epoch_ends(self, values: dict[str, Any]) -> None:
        """Close the bar and say what the epoch gave."""
        self._close()
        if self.silent:
            return
        line = (
            f"epoch {self._epoch}/{self.epochs}: train loss {values['train_loss']:.4f}, "
            f"top-1 error {values['train_top1_error']:.2%}"
        )
        if "val_loss" in values:
            line += (
                f"; {values['split']} loss {values['val_loss']:.4f}, top-1 error "
                f"{values['val_top1_error']:.2%}"
            )
            if "val_top5_error" in values:
                line += f", top-5 {values['val_top5_error']:.2%}"
        click.echo(
            f"{line}; rate {values['rate']:.2g}, {values['images_per_second']:,.0f} images/s, "
            f"{values['seconds']:.0f} s"
        )

    def counting(self, title: str, done: int, total: int, unit: str = "images") -> None:
        """Show how many images are done: "evaluating"."""
        if self._bar is None:
            self._open(title, total, 0, unit)
        self._bar.update(done - self._bar.n)
        if self._bar.disable:  # tqdm does not count then
            self._bar.n = done
            now = time.perf_counter()
            if now - self._said > LINE_SECONDS:
                self._said = now
                if not self.silent:
                    click.echo(f"{title}: {done:,} of {total:,} {unit}", err=True)
        if done >= total:
            self._close()

    def _open(self, title: str, total: int, done: int, unit: str = "images") -> None:
        self._close()
        self._said = time.perf_counter()
        self._bar = tqdm(
            total=total,
            initial=done,
            desc=title,
            unit=f" {unit}",
            disable=self.silent or not sys.stderr.isatty(),
            leave=False,
            dynamic_ncols=True,
        )
        self._done = done

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _figures(self, shown: dict[str, float]) -> str:
        import torch

        seconds = max(time.perf_counter() - self._began, 1e-9)
        text = f"loss {shown['loss']:.3f}, error {shown['error']:.1%}, rate {shown['rate']:.2g}"
        text += f", waits {min((shown['wait'] - self._wait) / seconds, 1):.0%}"
        if torch.cuda.is_available():
            text += f", {torch.cuda.max_memory_allocated() / 1e9:.1f} GB"
        return text

    def _plain_line(self, shown: dict[str, float] | None) -> None:
        now = time.perf_counter()
        if self.silent or shown is None or now - self._said < LINE_SECONDS:
            return
        self._said = now
        done = int(shown["seen"])
        rate = (done - self._done) / max(now - self._began, 1e-9)
        left = (self._samples - done) / max(rate, 1e-9)
        click.echo(
            f"epoch {self._epoch}/{self.epochs}: {done:,} of {self._samples:,} images, "
            f"{rate:,.0f} images/s, {left:.0f} s left in the epoch, {self._figures(shown)}"
        )
