# ruff: noqa: INP001  # a script, not a package
"""Write docs/cli.md: the help of every command of both programs, as they print it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from alexprep.cli import main as alexprep
from alextrain.cli import main as alextrain

PAGE = Path(__file__).parent / "cli.md"
_WIDTH = 96
_INTRODUCTION = """\
# The commands

Written by `python docs/make_cli.py` from the programs themselves; do not edit.
"""


def sections() -> Iterator[tuple[str, str]]:
    """Yield title and help of each program and of each of its commands."""
    for name, group in (("alexprep", alexprep), ("alextrain", alextrain)):
        yield from _sections(group, name, None)


def _sections(
    command: click.Command, name: str, parent: click.Context | None
) -> Iterator[tuple[str, str]]:
    context = _context(command, name, parent)
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            yield from _sections(command.commands[inner], inner, context)


def page() -> str:
    """Return the whole page."""
    parts = [_INTRODUCTION]
    for title, text in sections():
        level = "###" if " " in title else "##"
        lines = "\n".join(line.rstrip() for line in text.splitlines())
        parts.append(f"{level} {title}\n\n```text\n{lines}\n```\n")
    return "\n".join(parts)


def _context(command: click.Command, name: str, parent: click.Context | None) -> click.Context:
    settings = {"terminal_width": _WIDTH, "help_option_names": ["-h", "--help"]}
    return click.Context(command, info_name=name, parent=parent, **settings)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
