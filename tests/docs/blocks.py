"""The code blocks of the pages, and which of them are marked as not run.

A block is fenced or indented by four spaces. One whose lines begin with a program is a block of
commands; ```python is one of Python. What cannot be run here has above it, as a paragraph or as
a comment of Markdown:

    Not run here: REASON        <!-- not run: REASON -->
"""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
# What was run once, with its machine or date, and what a program writes.
RECORDS = {"docs/results.md", "docs/decisions.md", "docs/cli.md"}
PROGRAMS = {
    *("alexprep", "alextrain", "make", "pip", "python", "torchrun", "dask", "docker"),
    *("cp", "curl", "kill", "mkdir", "openssl", "source"),
}

CODE = re.compile(
    r"^```(?P<language>\w*)\n(?P<fenced>(?:.*\n)*?)```$"
    r"|(?<=\n\n)(?P<indented>(?: {4}.*\n|\n(?= {4}))+)",
    re.MULTILINE,
)
MARK = re.compile(r"<!-- not run: (.+) -->\Z|^Not run here: (.+)\Z", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One block of code of a page."""

    page: str
    line: int
    language: str  # "python", "script" (begins with #!), "console" (commands), or "" (no code)
    text: str
    reason: str  # why it is not run; "" where it is

    def __str__(self):
        return f"{self.page}:{self.line}"

    @property
    def commands(self):
        """The commands, one text each, without answers and comments."""
        lines = re.sub(r"\\\n\s*", "", self.text).splitlines()
        if any(line.startswith("$ ") for line in lines):
            lines = [line[2:] for line in lines if line.startswith("$ ")]
        bare = [re.sub(r"\s+# .*", "", line).strip() for line in lines]
        return [line for line in bare if first_word(line) in PROGRAMS]


def first_word(line):
    """The program that a line of a shell calls, settings of the environment left out."""
    called = re.match(r"(?:[A-Z_]+=(?:\"[^\"]*\"|\S+) )*([\w.-]+)(?!\S)", line.removeprefix("$ "))
    return called[1] if called else ""


def language_of(text, fence):
    if fence in ("python", "toml", "json", "text"):
        return fence
    if text.startswith("#!"):
        return "script"
    return "console" if any(first_word(line) in PROGRAMS for line in text.splitlines()) else ""


def blocks(page):
    """All blocks of `page`, a path from the root, in their order."""
    text = (ROOT / page).read_text()
    found = []
    for match in CODE.finditer(text):
        inner = match["fenced"]
        if inner is None:
            inner = re.sub(r"^    ", "", match["indented"], flags=re.MULTILINE)
        above = text[: match.start()].rstrip().rpartition("\n\n")[2]
        mark = MARK.search(above)
        reason = (mark[1] or mark[2]) if mark else ""
        line = text.count("\n", 0, match.start()) + 1
        language = language_of(inner, match["language"])
        found.append(Block(page, line, language, inner, reason))
    return found


def code_blocks(page):
    """The blocks that are run, or say why not."""
    return [block for block in blocks(page) if block.language in ("console", "script", "python")]
