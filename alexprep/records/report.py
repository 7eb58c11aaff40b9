"""What became of files that were not taken as they are; owns the exit code."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from alexprep.errors import BadFilesError, ShardError
from alexprep.files import canonical_json, write_atomically
from alexprep.images.decode_other import SUFFIXES
from alexprep.raw.source import Source, shown, some

CSV_NAME = "report.csv"
JSON_NAME = "report.json"
SKIPPED, REPAIRED, CONVERTED = "skipped", "repaired", "converted"
FINISHED, FINISHED_WITH_SKIPPED = 0, 3  # exit codes
_FORMAT_VERSION = 1


class Outcome(NamedTuple):
    """One line of the report."""

    file: str  # path inside the raw set
    split: str
    done: str  # skipped, repaired or converted
    what: str  # the reason, or what was done: "PNG, grayscale"
    size: int  # bytes of the raw file
    sha256: str  # of the raw file; empty where it could not be read


def outcomes_of(
    source: Source, split: str, notes: Iterable[str], digest: str
) -> tuple[Outcome, ...]:
    """Turn the notes of decoding into lines of the report: none, one, or one of either kind.

    A conversion that the file's own name announces (a PNG named .png) is not worth a line.
    """
    did: dict[str, list[str]] = {REPAIRED: [], CONVERTED: []}
    for note in notes:
        done, _, what = note.partition(": ")
        if not source.name.lower().endswith(SUFFIXES.get(what, ())):
            did[done].append(what)
    return tuple(
        Outcome(shown(source.name), split, done, ", ".join(whats), source.size, digest)
        for done, whats in did.items()
        if whats
    )


@dataclass(frozen=True)
class Report:
    """All outcomes of a set of shards: the same bytes for any order of work."""

    outcomes: tuple[Outcome, ...]  # sorted
    images: int  # written

    @classmethod
    def gather(cls, outcomes: Iterable[Outcome], images: int) -> Report:
        """Make the report of a whole set."""
        return cls(tuple(sorted(outcomes)), images)

    @cached_property
    def counts(self) -> dict[str, int]:
        """Files skipped, repaired and converted."""
        found = Counter(outcome.done for outcome in self.outcomes)
        return {done: found[done] for done in (SKIPPED, REPAIRED, CONVERTED)}

    @property
    def exit_code(self) -> int:
        """0, or 3 where bad files were skipped."""
        return FINISHED_WITH_SKIPPED if self.counts[SKIPPED] else FINISHED

    def check_most_bad(self, target: Path, most: int | None) -> None:
        """Let no more than `most` files be bad; None for any number.

        Raises:
            BadFilesError: more are; names some, with their reasons.
        """
        bad = self.counts[SKIPPED]
        if most is None or bad <= most:
            return
        noun = "file" if bad == 1 else "files"
        rows = [f"{what}: {which}" for done, what, _, which in self.table() if done == SKIPPED]
        raise BadFilesError(
            f"{target}: {bad:,} bad {noun}, more than --max-bad {most:,} ({'; '.join(rows[:3])}); "
            "repair or remove them, or allow more: finished shards are kept"
        )

    def table(self) -> list[tuple[str, str, int, str]]:
        """Return a row for each kind of outcome: done, what, how many, some of the files."""
        kinds: dict[tuple[str, str], list[str]] = {}
        for outcome in self.outcomes:
            kinds.setdefault((outcome.done, outcome.what), []).append(outcome.file)
        order = {done: place for place, done in enumerate(self.counts)}
        rows = [(done, what, len(files), some(files)) for (done, what), files in kinds.items()]
        return sorted(rows, key=lambda row: (order[row[0]], -row[2], row[1]))

    def csv_bytes(self) -> bytes:
        """Return the outcomes as CSV with a line of names."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(Outcome._fields)
        writer.writerows(self.outcomes)
        return text.getvalue().encode("utf-8")

    def json_bytes(self) -> bytes:
        """Return counts and outcomes as JSON."""
        files = [outcome._asdict() for outcome in self.outcomes]
        content = {"images": self.images, "counts": self.counts, "files": files}
        return canonical_json({"format_version": _FORMAT_VERSION, **content})

    def save(self, folder: Path) -> None:
        """Write report.csv and report.json."""
        write_atomically(folder / CSV_NAME, self.csv_bytes())
        write_atomically(folder / JSON_NAME, self.json_bytes())

    @classmethod
    def load(cls, folder: Path) -> Report:
        """Read report.json back.

        Raises:
            ShardError: it is missing or damaged.
        """
        path = folder / JSON_NAME
        try:
            content = json.loads(path.read_bytes())
            outcomes = [_checked(Outcome(**entry)) for entry in content["files"]]
            if type(content["images"]) is not int:
                raise ValueError("images is no number")
            return cls.gather(outcomes, content["images"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ShardError(
                f"{path}: is missing or damaged ({error}); put it back, or make the shards again "
                "in another folder"
            ) from error


def _checked(outcome: Outcome) -> Outcome:
    """Return an outcome whose fields are of their kinds, or raise a ValueError."""
    texts = (outcome.file, outcome.split, outcome.what, outcome.sha256)
    known = outcome.done in (SKIPPED, REPAIRED, CONVERTED)
    if not known or type(outcome.size) is not int or not all(isinstance(t, str) for t in texts):
        raise ValueError("a line of its files is none")
    "".join(texts).encode("utf-8")  # no half characters: they can be written nowhere
    return outcome
