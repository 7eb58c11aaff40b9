"""The group that both programs are: errors and interruptions as one line each."""

from __future__ import annotations

import errno
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import click

from alexprep.errors import AlexError

STOPPED = "run the same command again: what is finished is kept"


class Terminated(KeyboardInterrupt):
    """SIGTERM, told apart from Ctrl-C by the exit status alone."""


class Cli(click.Group):
    """Show what a user can cause as one line; let bugs keep their traceback.

    Exit status: 0 done, 1 an error, 2 wrong usage (click's own), 3 done but bad files were
    skipped, 130 and 143 stopped by Ctrl-C and SIGTERM.
    """

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; turn errors and interruptions into their line and status."""
        try:
            with _sigterm_as_ctrl_c():
                return super().invoke(ctx)
        except AlexError as error:
            raise click.ClickException(str(error)) from error
        except BrokenPipeError:
            raise  # `alexprep info SHARDS | head`: click ends quietly
        except OSError as error:
            if error.errno == errno.ENOSPC and error.filename is None:  # `alexprep info > FILE`
                raise click.ClickException("the disk is full; free some space") from error
            if error.filename is None:
                raise
            raise click.ClickException(f"{error.filename}: {error.strerror}") from error
        except Terminated:
            _stop(ctx, signal.SIGTERM)
        except KeyboardInterrupt:
            _stop(ctx, signal.SIGINT)

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """List commands in the order of the work, not of the alphabet."""
        return list(self.commands)


def _stop(ctx: click.Context, number: signal.Signals) -> NoReturn:
    click.echo(f"\nStopped by {number.name}; {STOPPED}.", err=True)
    ctx.exit(128 + number)


def _terminate(_number: int, _frame: object) -> None:
    raise Terminated


@contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    """Let SIGTERM (a batch system, `kill`) unwind as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    old = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, old)
