"""Progress on the screen: a bar on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import sys
import time

import click
from tqdm import tqdm

LINE_SECONDS = 10.0


class Progress:
    """Show how far a command is, on standard error.

    Args:
        total: Of what is counted.
        unit: What is counted, plural: "images".
        done: How much of it was there before.
        scale: Write large numbers with k, M, G (for bytes).
    """

    def __init__(self, total: int, unit: str, *, done: int = 0, scale: bool = False) -> None:
        self.total = total
        self.unit = unit
        self.done = self._before = done
        self._scale = scale
        self._began = self._said = time.monotonic()
        self._bar = None
        if sys.stderr.isatty():
            self._bar = tqdm(
                total=total,
                initial=done,
                unit=f" {unit}",
                unit_scale=scale,
                dynamic_ncols=True,
                smoothing=0.1,
            )

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()

    def update(self, count: int) -> None:
        """Count `count` more; or fewer, where work has to be done again."""
        self.done += count
        if self._bar is not None:
            self._bar.update(count)
            return
        now = time.monotonic()
        if now - self._said >= LINE_SECONDS:
            self._said = now
            click.echo(self.line(now - self._began), err=True)

    def line(self, seconds: float) -> str:
        """Return how far it is after so many seconds: what a log shows instead of a bar."""
        rate = (self.done - self._before) / max(seconds, 1e-9)
        left = duration((self.total - self.done) / rate) if rate > 0 else "unknown time"
        if self._scale:
            done, total, rate_text = byte_size(self.done), byte_size(self.total), byte_size(rate)
        else:
            done, total = f"{self.done:,}", f"{self.total:,} {self.unit}"
            rate_text = f"{rate:,.0f} {self.unit}"
        return f"{done} of {total}, {rate_text}/s, {left} left"


def duration(seconds: float) -> str:
    """Return a time as people say it: "3 s", "4 min 10 s", "2 h 5 min"."""
    if seconds < 0.95:
        return "under 1 s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60} min"


def byte_size(count: float) -> str:
    """Return a size as people say it, in decimal units: "37.2 GB"."""
    units = ["bytes", "kB", "MB", "GB", "TB"]
    while count >= 999.5 and len(units) > 1:
        count /= 1000
        units.pop(0)
    return f"{count:.0f} bytes" if units[0] == "bytes" else f"{count:.3g} {units[0]}"
