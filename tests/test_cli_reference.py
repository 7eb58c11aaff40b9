"""The help of both programs: complete, and the page made of it not stale."""

import importlib.util
from pathlib import Path

import click
import pytest

from alexprep.cli import main as alexprep
from alextrain.cli import main as alextrain

DOCS = Path(__file__).parents[1] / "docs"
COMMANDS = [
    pytest.param(command, id=f"{program}-{name}")
    for program, group in (("alexprep", alexprep), ("alextrain", alextrain))
    for name, command in group.commands.items()
]


def test_the_page_of_commands_is_what_the_programs_print():
    spec = importlib.util.spec_from_file_location("make_cli", DOCS / "make_cli.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    stale = "run `python docs/make_cli.py`"
    assert (DOCS / "cli.md").read_text(encoding="utf-8") == module.page(), stale


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does_and_gives_an_example(command):
    assert command.help
    assert command.help.split("\n")[0].rstrip().endswith((".", ":"))
    assert "Example" in command.help or not command.params


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_says_what_it_is_and_its_default(command):
    for option in command.params:
        if not isinstance(option, click.Option):
            continue
        name = option.opts[0]
        assert option.help, name
        says_default = option.show_default or "[default:" in option.help
        # what has none: flags, what must be given, what replaces a value given elsewhere
        default = option.to_info_dict()["default"]
        free = option.is_flag or option.required or default is None
        assert says_default or free, name
