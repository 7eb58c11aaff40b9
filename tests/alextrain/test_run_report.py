"""report.html: one file, everything in it, nothing in it read as markup."""

import re

import pytest
from click.testing import CliRunner

from alextrain.cli import main
from alextrain.figures import draw_curves
from alextrain.reports.run_report import write_report
from alextrain.studies.compare import read_story
from alextrain.studies.published import published_for
from alextrain.training.runlog import RunLog

from .small_shards import write_trainable
from .test_compare import write_run

OPTIONS = ["--recipe", "quick", "--width", "0.05", "--crop", "67", "--batch-size", "5"]


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    write_trainable(folder / "shards")
    options = [*OPTIONS, "--epochs", "2", "--device", "cpu", "--run", folder / "run"]
    result = run("fit", folder / "shards", *options)
    assert result.exit_code == 0, result.output
    assert f"Report: {folder}/run/report.html" in result.output
    return folder


def pictures(page):
    return re.findall(r'<img alt="[^"]+" src="data:image/png;base64,iVBOR[^"]+">', page)


def test_a_run_ends_with_its_page(trained):
    page = (trained / "run/report.html").read_text()
    drawn = {path.name for path in (trained / "run/figures").glob("*.png")}
    assert drawn | {"mistakes.png"} == {"confusion.png", "kernels.png", "mistakes.png"}
    assert len(pictures(page)) == 1 + len(drawn)
    assert re.search(r"of (\d+) of the \1 images \(val\), after best.pt", page)
    for text in ("quick, seed 0", "2 of 2", "CPU-hours", "width = 0.05", "(alive)", "fingerprint "):
        assert text in page
    assert not re.search(r"(src|href)=\"(?!data:)", page)


def test_with_shards_the_pictures_are_drawn_too(trained):
    result = run("report", trained / "run", trained / "shards")
    assert result.exit_code == 0, result.output
    page = (trained / "run/report.html").read_text()
    assert len(pictures(page)) >= 6
    assert "of all images (val), after best.pt" in page


def test_names_and_words_are_no_markup(tmp_path):
    folder = write_run(tmp_path / "a<b>&c", [0.5])
    log = RunLog(folder, resume_step=10)
    log.event("<script>alert(1)</script>")
    log.close()
    page = write_report(folder, read_story(folder)).read_text()
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<h1>a&lt;b&gt;&amp;c</h1>" in page


def test_hours_count_every_process(tmp_path):
    folder = write_run(tmp_path / "run", [0.5, 0.4])  # half an hour each
    log = RunLog(folder, resume_step=20)
    about = {"device": "a GPU", "type": "cuda", "torch": "2.15", "fingerprint": "f"}
    log.machine({**about, "processes": 4})
    log.close()
    page = write_report(folder, read_story(folder)).read_text()
    assert "4.00 GPU-hours in epochs" in page


def test_published_errors_are_drawn_for_imagenet_alone(tmp_path):
    assert published_for("paper", 10) == []
    assert [theirs.top1 for theirs in published_for("authors", 1000)] == [0.40664, 0.42548]
    assert [theirs.views for theirs in published_for("torchvision", 1000)] == [1]
    story = read_story(write_run(tmp_path / "run", [0.9, 0.5]))
    lines = published_for("paper", 1000)
    figure = draw_curves(tmp_path / "c.png", story.epochs, 1000, lines)
    heights = [x.get_ydata()[0] for x in figure.axes[1].get_lines() if x.get_gid() == "published"]
    assert heights == [0.407, 0.182, 0.42548, 0.19810]
