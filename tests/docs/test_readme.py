"""Each block of README runs by itself on a small generated set."""

import re
import shutil

import pytest

from tests.docs.blocks import ROOT, code_blocks

GIVEN = [block for block in code_blocks("README.md") if not block.reason]
BLOCKS = [block for block in GIVEN if block.language == "console"]


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


def test_the_five_lines_of_readme_name_a_picture(shell, given, capsys):
    (block,) = [block for block in GIVEN if block.language == "python"]
    shutil.copy(given / "photo.jpg", shell.folder)
    shutil.copytree(given / "runs", shell.folder / "runs")
    shell.run_block(block)
    assert capsys.readouterr().out.count("%  n9") == 5


def test_readme_goes_the_whole_way():
    shown = {tuple(command.split()[:2]) for block in BLOCKS for command in block.commands}
    way = [("alexprep", "shard"), ("alexprep", "stats"), ("alextrain", "fit")]
    assert shown >= {*way, ("alextrain", "eval"), ("alextrain", "predict")}


def test_each_row_of_the_tables_names_what_holds_it():
    text = (ROOT / "README.md").read_text()
    claims = rows(text, "What it does that others do not")
    assert len(claims) > 8
    for row in claims:
        named = re.findall(r"\]\((tests/[\w/]+\.py)\)", row)
        assert named, row
        assert [name for name in named if not (ROOT / name).is_file()] == [], row
    makefile = (ROOT / "Makefile").read_text()
    measured = rows(text, "Measured")
    assert len(measured) > 6
    for row in measured:
        made = re.search(r"\| `(?:make (\w+)|python -m benchmarks\.(\w+))` \|$", row)
        assert made, row
        assert f"\n{made[1]}:" in makefile or (ROOT / f"benchmarks/{made[2]}.py").is_file(), row


def rows(text, title):
    """The lines of the first table under a heading, without its head."""
    lines = text.split(f"## {title}\n")[1].split("\n## ")[0].splitlines()
    return [line for line in lines if line.startswith("| ") and "---" not in line][1:]
