"""Each block of README runs by itself on a small generated set."""

import shutil

import pytest

from tests.docs.blocks import code_blocks

BLOCKS = [block for block in code_blocks("README.md") if not block.reason]


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_of_readme_runs(block, shell, given):
    for name in ("raw", "my-images"):
        (shell.folder / name).symlink_to(given / name)
    shutil.copy(given / "photo.jpg", shell.folder)
    for command in block.commands:
        printed = shell.run(command)
        assert printed
    run = shell.folder / "runs"
    assert [path.name for path in run.glob("*/best.pt")] == ["best.pt"]


def test_readme_goes_the_whole_way():
    shown = {tuple(command.split()[:2]) for block in BLOCKS for command in block.commands}
    way = [("alexprep", "shard"), ("alexprep", "stats"), ("alextrain", "fit")]
    assert shown >= {*way, ("alextrain", "eval"), ("alextrain", "predict")}
