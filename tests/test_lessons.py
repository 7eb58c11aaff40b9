"""The tables of lessons, of answers and of the paper name tests and files that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_each_lesson_has_its_test():
    table = (ROOT / "docs/lessons.md").read_text()
    rows = re.findall(r"\| (test_\w+\.py)(?:::(test_\w+))? \|", table)
    assert len(rows) == sum(line.startswith("| ") for line in table.splitlines()) - 1
    files = {path.name: path.read_text() for path in (ROOT / "tests").rglob("test_*.py")}
    missing = [(file, test) for file, test in rows if f"def {test}" not in files.get(file, "")]
    assert [row for row in missing if row[1]] == []
    assert {file for file, _ in rows} <= set(files)


def test_each_reason_not_to_learn_has_symptom_cure_and_a_test_that_exists():
    front = (ROOT / "docs/lessons.md").read_text().partition("\n## ")[0]
    reasons = re.split(r"^\*\*\d+\. ", front, flags=re.MULTILINE)[1:]
    assert len(reasons) > 10
    files = {path.name: path.read_text() for path in (ROOT / "tests").rglob("test_*.py")}
    for reason in reasons:
        for part in ("*Symptom:*", "*Measured", "*Cure:*"):
            assert part in reason, reason
        for file, test in re.findall(r"(test_\w+\.py)::(test_\w+)", reason):
            assert f"def {test}" in files[file], test


def test_each_lesson_that_is_measured_has_its_experiment_and_each_experiment_its_lesson():
    front = (ROOT / "docs/lessons.md").read_text().partition("\n## ")[0]
    parts = re.split(r"^\*\*(\d+)\. ", front, flags=re.MULTILINE)[1:]
    measured = {int(n) for n, text in zip(parts[::2], parts[1::2], strict=True) if "(B)" in text}
    code = (ROOT / "benchmarks/lessons.py").read_text()
    assert measured == {int(number) for number in re.findall(r"def lesson_(\d+)\(", code)}
    assert len(measured) >= 16


def test_each_row_of_the_paper_has_its_test_and_its_files():
    text = (ROOT / "docs/paper.md").read_text()
    rows = re.findall(r"(test_\w+\.py)(?:::(test_\w+))?", text)
    assert len(rows) > 20
    files = {path.name: path.read_text() for path in (ROOT / "tests").rglob("test_*.py")}
    for file, test in rows:
        assert f"def {test}" in files[file] if test else file in files, (file, test)
    for path in re.findall(r"alex(?:prep|train)/[\w/]+\.py", text):
        assert (ROOT / path).is_file(), path


def test_each_answer_has_its_test():
    lines = (ROOT / "docs/answers.md").read_text().splitlines()
    rows = [line for line in lines if line.startswith("| ") and not line.endswith("| test |")]
    assert len(rows) > 30
    files = {path.name: path.read_text() for path in (ROOT / "tests").rglob("test_*.py")}
    for row in rows:
        found = re.search(r"\| (test_\w+\.py)(?:::(test_\w+))? \|$", row)
        assert found, row
        assert f"def {found[2] or 'test_'}" in files[found[1]], row
