"""The commands of the tutorial run, in their order, on a small generated set."""

import re
import shutil

import pytest

from tests.docs.blocks import ROOT, code_blocks

PAGE = "docs/tutorial.md"
COMMANDS = [c for block in code_blocks(PAGE) if not block.reason for c in block.commands]


def test_the_tutorial_runs_as_far_as_the_first_prediction(imagenette, shell):
    shutil.copy(imagenette, shell.folder)
    last = next(i for i, command in enumerate(COMMANDS) if command.startswith("alextrain predict"))
    printed = [shell.run(command) for command in COMMANDS[: last + 1]]
    assert "photo.jpg\n" in printed[-1]


@pytest.mark.soak
def test_every_command_of_the_tutorial_runs(imagenette, shell):
    shutil.copy(imagenette, shell.folder)
    printed = "".join(shell.run(command) for command in COMMANDS)
    assert '"guesses":[{"class":"n0' in printed
    text = (ROOT / PAGE).read_text()
    for name in re.findall(r"`((?:shards|runs)/[\w./-]+)`", text):
        assert (shell.folder / name).exists(), f"tutorial.md names {name}"


def test_the_tutorial_shows_the_commands_of_the_whole_way():
    used = set(re.findall(r"alex(?:prep|train) (\w+)", " ".join(COMMANDS)))
    assert used >= {"inspect", "shard", "stats", "fit", "eval", "predict", "export", "serve"}
