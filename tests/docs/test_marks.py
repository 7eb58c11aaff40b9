"""Every block of commands of every page is run by a test, or says above it why not."""

import re

import pytest

from tests.docs.blocks import PAGES, PROGRAMS, RECORDS, ROOT, blocks, code_blocks, first_word

SAMPLE = """Words.

    alexprep info /shards

<!-- not run: installs -->

    pip install x

Not run here: no GPU,
no archives.

```console
$ make demo
done
```

    other
"""


def test_a_block_without_a_mark_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.docs.blocks.ROOT", tmp_path)
    (tmp_path / "page.md").write_text(SAMPLE)
    found = [(block.line, block.reason, block.commands) for block in code_blocks("page.md")]
    assert found == [
        (3, "", ["alexprep info /shards"]),
        (7, "installs", ["pip install x"]),
        (12, "no GPU,\nno archives.", ["make demo"]),
    ]
    assert len(blocks("page.md")) == 4


def test_no_prompt_is_passed_over_for_an_unknown_program():
    """A program that blocks.py does not know would make its block no block of commands."""
    for page in set(PAGES) - RECORDS:
        prompts = re.findall(r"^(?: {4})?\$ (.+)", (ROOT / page).read_text(), re.MULTILINE)
        assert [line for line in prompts if first_word(line) not in PROGRAMS] == [], page


@pytest.mark.parametrize("page", PAGES)
def test_the_options_that_a_page_names_exist(page):
    """In commands of its blocks, run or not, and in its text."""
    reference = (ROOT / "docs/cli.md").read_text()
    sections = dict(re.findall(r"^### (alex\w+ \w+)\n(.*?)(?=^##|\Z)", reference, re.M | re.S))
    if page in RECORDS:
        return
    inline = re.findall(r"(?<!`)`(alex(?:prep|train) [^`]+)`", (ROOT / page).read_text())
    commands = [command for block in code_blocks(page) for command in block.commands]
    for command in [" ".join(command.split()) for command in inline + commands]:
        for name, rest in re.findall(r"\b(alex(?:prep|train) [a-z]+)\b([^|;&]*)", command):
            assert name in sections, f"{page}: {command}"
            for option in re.findall(r"(?<=\s)--[\w-]+", rest):
                assert re.search(rf"{option}\b", sections[name]), f"{page}: {option} in {command}"
