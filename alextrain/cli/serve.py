"""`alextrain serve`: a network behind an address."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from alextrain.cli.options import CHECKPOINT, machine_options

TOKEN = "ALEXTRAIN_TOKEN"  # noqa: S105  # the variable's name


@click.command()
@click.argument("model", type=CHECKPOINT)
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0: all interfaces.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="0: any free one.",
)
@click.option("--name", default="alexnet", show_default=True, help="Of the model, in addresses.")
@click.option(
    "--batch",
    type=click.IntRange(1, 1024),
    default=16,
    show_default=True,
    help="Pictures that the network sees together, at most.",
)
@click.option(
    "--wait",
    type=click.FloatRange(0, 1000),
    default=2.0,
    show_default=True,
    help="Milliseconds that a picture waits for others.",
)
@click.option(
    "--queue",
    type=click.IntRange(1),
    default=64,
    show_default=True,
    help="Requests at once; more get 503.",
)
@click.option(
    "--max-bytes",
    type=click.IntRange(1),
    default=20_000_000,
    show_default=True,
    help="Of one request.",
)
@click.option(
    "--max-pixels",
    type=click.IntRange(64, 2**31 - 1),
    default=50_000_000,
    show_default=True,
    help="Of one picture.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0.1),
    default=30.0,
    show_default=True,
    help="Seconds that a request may take to arrive.",
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"Clients must show what this file holds. [default: ${TOKEN}, if set]",
)
@click.option(
    "--engine",
    type=click.Choice(["auto", "onnx", "torch"]),
    default="auto",
    show_default=True,
    help="auto: ONNX Runtime on the CPU, torch on a GPU.",
)
@machine_options
def serve(model: Path, **options: Any) -> None:
    """Answer requests over HTTP by the network in MODEL.

    MODEL is a checkpoint, a file of `alextrain export --to onnx`, or a folder of versions
    (MODEL/1/best.pt, MODEL/2/model.onnx and so on), of which the newest whole one is served.
    http://127.0.0.1:8000/ is a page to drop pictures on; POST /predict and the Open Inference
    Protocol are for programs. SIGHUP loads the newest version, SIGTERM ends when all is answered.
    See docs/serve.md.

    \b
    Examples:
      alextrain serve runs/paper/best.pt
      alextrain serve models/ --host 0.0.0.0 --token-file token.txt
      curl -F file=@photo.jpg http://127.0.0.1:8000/predict
    """
    from alextrain.extras import need

    for package in ("starlette", "uvicorn", "python_multipart"):
        need(package, "serve")
    import asyncio

    from alextrain.device import choose_machine
    from alextrain.serve.engines import load_served
    from alextrain.serve.limits import Limits
    from alextrain.serve.server import run
    from alextrain.serve.service import Service

    _check_name(options["name"])
    token = _token(options["token_file"])
    machine = choose_machine(options["device"], options["amp"])
    limits = Limits(
        bytes=options["max_bytes"],
        pixels=options["max_pixels"],
        at_once=options["queue"],
        seconds=options["timeout"],
        batch=options["batch"],
        wait=options["wait"] / 1000,
    )

    def say(line: str) -> None:
        click.echo(line, err=True)

    def make() -> Service:
        return Service(
            model,
            options["name"],
            lambda path: load_served(path, machine, options["engine"]),
            machine,
            limits,
            token,
            say,
        )

    answered = asyncio.run(run(make, options["host"], options["port"], say))
    say(f"Ended; {answered:,} requests were answered")


def _check_name(name: str) -> None:
    """Refuse a name that no address could hold: the model would be served and never found."""
    if name in ("", ".", "..") or "/" in name or not name.isprintable():
        raise click.UsageError(
            f"--name {name!r} cannot stand in an address; use letters and digits"
        )


def _token(file: Path | None) -> str | None:
    """Return the token; never from the command line, which `ps` shows to all."""
    if file is None:
        return os.environ.get(TOKEN) or None
    from alextrain.errors import ServeError

    text = file.read_text(errors="replace").strip()
    if not text:
        raise ServeError(f"{file}: is empty; expected a token, e.g. of `openssl rand -hex 32`")
    return text
