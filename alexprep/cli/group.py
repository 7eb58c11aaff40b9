"""The group that both programs are: errors and interruptions as one line each."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import click

from alexprep.errors import AlexError

STOPPED = "what is finished stays, and the same command goes on from there"


class Terminated(KeyboardInterrupt):
    """SIGTERM, told apart from Ctrl-C by the exit status alone."""


class Stopped(click.ClickException):
    """The user stopped the command: one line, exit status 128 and the signal's number."""

    def __init__(self, number: int) -> None:
        self.exit_code = 128 + number
        super().__init__(f"Stopped by {signal.Signals(number).name}; {STOPPED}.")

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line, without click's "Error:"."""
        click.echo(f"\n{self.format_message()}", file=file, err=file is None)


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
            if error.filename is None:
                raise
            raise click.ClickException(f"{error.filename}: {error.strerror}") from error
        except Terminated as error:
            raise Stopped(signal.SIGTERM) from error
        except KeyboardInterrupt as error:
            raise Stopped(signal.SIGINT) from error


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
