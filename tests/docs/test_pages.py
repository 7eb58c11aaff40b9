"""The commands and the Python of every other page run, in their order, on a small generated set."""

import json
import shutil

import pytest

from alexprep.shards.reader import ShardReader
from tests.docs.blocks import PAGES, RECORDS, code_blocks
from tests.docs.shell import Shell

ALONE = {  # pages whose tests are in files of their own
    "README.md",
    "docs/tutorial.md",
    "docs/cluster.md",
    "docs/readers.md",
    "docs/remote.md",
}
# The pages are of ImageNet on a GPU, the set here is of 160 pixels.
REPLACED = {'device="cuda"': 'device="cpu"', "Augmentation(224)": "Augmentation(143)"}
LONG = {"docs/look.md", "docs/shrink.md"}


def runnable(page):
    return [block for block in code_blocks(page) if not block.reason]


def pages():
    for page in PAGES:
        if page not in RECORDS | ALONE and runnable(page):
            yield pytest.param(page, marks=[pytest.mark.soak] if page in LONG else [])


@pytest.fixture
def furnished(shell, given):
    """A terminal where all lies that a page may name."""
    for name in ("shards", "other-shards", "runs", "deploy"):
        shutil.copytree(given / name, shell.folder / name)
    shutil.copy(given / "photo.jpg", shell.folder)
    answers = [[int(label)] for label in ShardReader(given / "shards", "val").labels]
    (shell.folder / "real.json").write_text(json.dumps(answers))
    return shell


@pytest.mark.parametrize("page", list(pages()))
def test_a_page_runs_from_top_to_bottom(page, furnished: Shell):
    furnished.replaced = REPLACED
    for block in runnable(page):
        furnished.run_block(block)
