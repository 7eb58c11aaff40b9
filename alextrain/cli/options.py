"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import click

from alexprep.cli.places import SHARDS as FOLDER_OR_URL

Command = TypeVar("Command", bound=Callable[..., Any])

# keys of a recipe that `fit` has options for
RECIPE_KEYS = ("model", "width", "crop", "epochs", "batch_size", "lr", "init", "seed", "holdout")
SHARDS = FOLDER_OR_URL
CHECKPOINT = click.Path(path_type=Path)


class ShardsOrTars(click.Path):
    """A set of shards, as a folder here; or the text that names tars without a manifest."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return a Path, or the text."""
        from alextrain.data.tars import names_tars

        if isinstance(value, Path):
            return value
        return value if names_tars(value) else SHARDS.convert(value, param, ctx)


SHARDS_OR_TARS = ShardsOrTars()


def tars_options(command: Command) -> Command:
    """Add what has to be said of tars without a manifest."""
    for option in (
        click.option("--val", metavar="TARS", help="Of tars: others, to validate on."),
        click.option(
            "--stats",
            type=click.Path(path_type=Path, dir_okay=False),
            help="Of tars: mean and colours from a stats.npz. [default: their first 1,000 images]",
        ),
        click.option(
            "--size",
            type=click.IntRange(1),
            metavar="S",
            help="Of tars: images are brought to SxS. [default: 256]",
        ),
        click.option(
            "--samples",
            type=click.IntRange(1),
            metavar="N",
            help="Of tars: images of an epoch. [default: counted, once all are here]",
        ),
        click.option(
            "--classes", type=click.IntRange(2), metavar="N", help="Of tars: how many there are."
        ),
    ):
        command = option(command)
    return command


def machine_options(command: Command) -> Command:
    """Add --device and --amp."""
    for option in (
        click.option(
            "--amp",
            type=click.Choice(["auto", "bf16", "fp16", "off"]),
            default="auto",
            show_default=True,
            help="Reduced precision; auto: bf16 on a GPU that has it, off elsewhere.",
        ),
        click.option(
            "--device",
            default="auto",
            show_default=True,
            help="auto, cpu, cuda (or cuda:1) or mps.",
        ),
    ):
        command = option(command)
    return command


def workers_option(command: Command) -> Command:
    """Add --workers."""
    return click.option(
        "--workers",
        type=click.IntRange(1, 256),
        help="Threads that decode. [default: chosen for the machine]",
    )(command)


def cache_option(command: Command) -> Command:
    """Add --cache."""
    return click.option(
        "--cache",
        type=click.Choice(["auto", "device", "ram", "off"]),
        default="auto",
        show_default=True,
        help="Keep the decoded images; auto: on the device or in RAM where they fit.",
    )(command)


def decode_option(command: Command) -> Command:
    """Add --decode."""
    return click.option(
        "--decode",
        type=click.Choice(["cpu", "cuda"]),
        default="cpu",
        show_default=True,
        help="cuda: the GPU decodes (nvJPEG), where the cores cannot feed it; its pixels differ a "
        "little.",
    )(command)


def views_option(command: Command) -> Command:
    """Add --views."""
    return click.option(
        "--views",
        type=click.Choice(["1", "5", "10"]),
        default="1",
        show_default=True,
        help="1: centre; 5: and corners; 10: and their mirrors. Softmax is averaged over them.",
    )(command)


def keep_inputs(out: Path | None, *inputs: str | Path) -> None:
    """Refuse an --out that is one of the inputs: what it holds would be lost.

    Raises:
        click.UsageError: it is.
    """
    if out is None or not out.exists():
        return
    for given in map(Path, inputs):
        with suppress(OSError):  # no file, or a name that no file can have
            if out.samefile(given):
                raise click.UsageError(f"--out {out} is an input and would be lost; name another")


def set_option(command: Command) -> Command:
    """Add --set."""
    return click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="KEY=VALUE",
        help="Another value for any key of the recipe, e.g. --set lr=0.02; may be repeated.",
    )(command)


def overrides_of(options: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Return the keys of a recipe that were given, by options of their own or by --set.

    Raises:
        RecipeError: one was given twice, or without a value.
    """
    from alextrain.errors import RecipeError
    from alextrain.recipes.recipe import setting

    given = {name: options[name] for name in names if options[name] is not None}
    for text in options["settings"]:
        key, value = setting(text)
        if key in given:
            raise RecipeError(f"{key} is given twice; give it once")
        given[key] = value
    return given
