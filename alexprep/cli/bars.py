"""Progress of `alexprep shard`, one bar after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alexprep.building.build import Listener


class Bars:
    """A bar for what is checked again, if anything is, then one for what is made."""

    def __init__(self, samples: int, *, recheck: bool) -> None:
        from alexprep.cli.progress import Progress

        self._samples = samples
        self._there = 0  # images in shards that are kept
        self._bar = Progress(samples, "images checked" if recheck else "images")

    def __enter__(self) -> Bars:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._bar.close()

    def listener(self) -> Listener:
        """Return what `build` tells of its progress, as bars."""
        from alexprep.building.build import Listener

        return Listener(
            kept=self._kept,
            checked=self._checked,
            done=self._done,
            to_lay=self._to_lay,
            laid=self._update,
            to_measure=self._to_measure,
            measured=self._update,
        )

    def _show(self, total: int, unit: str, done: int = 0) -> None:
        """Begin another bar, unless this one is there already."""
        from alexprep.cli.progress import Progress

        if self._bar.unit != unit or self._bar.total != total:
            self._bar.close()
            self._bar = Progress(total, unit, done=done)

    def _kept(self, images: int) -> None:
        from alexprep.cli.progress import Progress

        self._there = images
        self._bar.close()
        self._bar = Progress(self._samples, "images", done=images)

    def _checked(self, images: int) -> None:
        self._show(self._samples, "images checked")
        self._update(images)

    def _to_lay(self, images: int) -> None:
        self._show(images, "images laid out")

    def _done(self, images: int) -> None:
        self._show(self._samples, "images", self._there)
        self._update(images)

    def _to_measure(self, images: int) -> None:
        self._show(images, "images measured")

    def _update(self, images: int) -> None:
        self._bar.update(images)
