"""`alextrain predict`: what a picture shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alextrain.cli.options import (
    CHECKPOINT,
    keep_inputs,
    machine_options,
    views_option,
    workers_option,
)

if TYPE_CHECKING:
    from alextrain.use.answers import Sink
    from alextrain.use.predict import Answer


@click.command(short_help="Name what pictures show.")
@click.argument("checkpoint", type=CHECKPOINT)
@click.argument("pictures", nargs=-1, required=True)
@views_option
@click.option("--top", type=click.IntRange(1), default=5, show_default=True, help="Guesses each.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["table", "csv", "jsonl", "parquet"]),
    help="How answers are written. [default: as --out ends, else table]",
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the answers to this file."
)
@click.option(
    "--exif/--no-exif",
    default=True,
    show_default=True,
    help="Turn photographs upright as their EXIF says (shards keep them as stored).",
)
@machine_options
@workers_option
def predict(checkpoint: Path, pictures: tuple[str, ...], **options: Any) -> None:
    """Name what PICTURES show, by the network in CHECKPOINT.

    PICTURES are files, folders, patterns in quotes, tar archives, URLs (http, https; s3, gs and hf
    with the extra `remote`) or - for standard input. A file that gives no picture is named and the
    rest goes on (exit status 3).

    \b
    Examples:
      alextrain predict runs/paper/best.pt photo.jpg other.png
      alextrain predict runs/paper/best.pt photos/ --views 10 --out answers.csv
      curl -s https://example.org/cat.jpg | alextrain predict runs/paper/best.pt -
    """
    from alextrain.cli.screen import Screen
    from alextrain.device import choose_machine
    from alextrain.use.network import Network
    from alextrain.use.pictures import find_pictures
    from alextrain.use.predict import Predictor

    kind = _kind(options["kind"], options["out"])
    keep_inputs(options["out"], checkpoint, *pictures)
    machine = choose_machine(options["device"], options["amp"])
    predictor = Predictor(Network.load(checkpoint, machine))
    found = find_pictures(pictures)
    answers = predictor.answer(
        found,
        views=int(options["views"]),
        top=options["top"],
        exif=options["exif"],
        threads=options["workers"],
    )
    screen, bad, turned = Screen(1), 0, 0
    with _sink(options["out"], kind) as write:
        for done, answer in enumerate(answers, 1):
            if options["out"] is not None:
                screen.counting("predicting", done, len(found))
            bad, turned = bad + bool(answer.error), turned + answer.turned
            if answer.error:
                click.echo(f"{answer.picture}: {answer.error}", err=True)
            if not answer.error or kind != "table":
                write(answer)
    _finish(options["out"], len(found), bad, turned)


def _kind(kind: str | None, out: Path | None) -> str:
    from alextrain.use.pictures import is_shown

    suffixes = {".csv": "csv", ".jsonl": "jsonl", ".parquet": "parquet"}
    if out is not None and is_shown(out.name):  # `--out *.jpg`: the shell has named the first
        raise click.UsageError(f"--out {out} has the name of a picture; name a file for answers")
    chosen = kind or (suffixes.get(out.suffix.lower()) if out else None) or "table"
    if chosen == "parquet" and out is None:
        raise click.UsageError("--format parquet needs --out FILE")
    return chosen


@contextmanager
def _sink(out: Path | None, kind: str) -> Iterator[Sink]:
    from alextrain.use.answers import answer_file, header, text

    if out is not None:
        with answer_file(out, kind) as write:
            yield write
        return

    def echo(answer: Answer) -> None:
        click.echo(text(answer, kind), nl=False)

    click.echo(header(kind), nl=False)
    yield echo


def _finish(out: Path | None, pictures: int, bad: int, turned: int) -> None:
    if out is not None:
        click.echo(f"{pictures - bad:,} of {pictures:,} pictures answered: {out}")
    if turned:
        click.echo(
            f"{turned:,} {'photograph was' if turned == 1 else 'photographs were'} turned upright, "
            "as EXIF says; --no-exif leaves them as they are stored, as in shards",
            err=True,
        )
    if bad:
        raise SystemExit(3)
