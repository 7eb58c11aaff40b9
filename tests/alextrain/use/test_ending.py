"""The pictures at the end of a run: of a bounded number of images, shown by the page alone."""

import re

import numpy as np
import pytest
import torch
from PIL import Image

from alexprep.shards.reader import ShardReader
from alextrain.data.decode import decode_into
from alextrain.data.loader import Loader
from alextrain.reports import ending, report
from alextrain.reports.run_report import write_report
from alextrain.studies.compare import read_story
from alextrain.training.evaluation import Subset
from tests.alextrain.test_compare import write_run
from tests.alextrain.use.serve.browser import DRIVER, PAGE, browser


@pytest.fixture
def held_out(shards):
    reader = ShardReader(shards, "train")
    loader = Loader(reader, 4)
    yield Subset("held out", loader, np.arange(1, len(reader), 2))
    loader.close()


def said(folder):
    return (folder / "pictures.txt").read_text()


def test_no_more_images_are_asked_than_is_said(network, shards, held_out, tmp_path, monkeypatch):
    monkeypatch.setattr(ending, "ASKED", 5)
    heard = []
    hear = report.Answers.hear
    monkeypatch.setattr(
        report.Answers,
        "hear",
        lambda self, *given: heard.extend(given[1].tolist()) or hear(self, *given),
    )
    ending.draw_ending(tmp_path, network, shards, held_out)
    chosen = held_out.numbers[[0, 3, 6, 9, 12]]
    assert heard == ShardReader(shards, "train").labels[chosen].tolist()
    assert "are of 5 of the 13 images (held out), after last.pt" in said(tmp_path)


def test_the_mistakes_shown_are_the_images_mistaken(network, shards, tmp_path, monkeypatch):
    reader = ShardReader(shards, "train")
    shown = []
    monkeypatch.setattr(report, "draw_mistakes", lambda path, images, *rest: shown.append(images))
    numbers = np.array([20, 3, 11])
    answers = report.Answers(len(network.classes))
    report.evaluate_network(network, reader, views=1, numbers=numbers, answers=answers)
    answers.surest_mistakes = lambda: tuple(torch.tensor([2, 0]) for _ in range(4))
    report.draw(tmp_path, answers, network, reader, numbers)
    expected = np.stack([np.zeros_like(shown[0][0]) for _ in range(2)])
    for image, number in zip(expected, (11, 20), strict=True):
        decode_into(reader.read(number), image)
    assert np.array_equal(shown[0], expected)


@pytest.mark.parametrize("known", [True, False])
def test_of_tars_and_without_validation_kernels_alone_are_drawn(
    network, shards, held_out, tmp_path, known
):
    ending.draw_ending(tmp_path, network, None if known else shards, held_out if known else None)
    assert {path.name for path in tmp_path.iterdir()} == {"kernels.png", "pictures.txt"}
    assert "were not drawn: " in said(tmp_path)


@pytest.mark.skipif(DRIVER is None, reason="chromedriver is not installed")
def test_a_browser_shows_the_page_and_asks_nobody(network, shards, held_out, tmp_path):
    folder = write_run(tmp_path / "run", [0.5, 0.4])
    ending.draw_ending(folder / "figures", network, shards, held_out)
    page = write_report(folder, read_story(folder))
    widths = []
    for picture in (folder / "figures").glob("*.png"):
        with Image.open(picture) as image:
            widths.append(image.width)
    with browser() as chromium:
        chromium.open(page.as_uri())
        chromium.wait("return document.readyState === 'complete'")
        seen = chromium.script("return [...document.images].map((each) => each.naturalWidth)")
        asked = chromium.script(
            "return performance.getEntriesByType('resource').map((e) => e.name)"
        )
        text = chromium.script(PAGE)
        chromium.screenshot(tmp_path / "page.png")
        assert chromium.complaints() == []
    assert sorted(seen) == sorted(widths)
    assert all(name.startswith("data:") for name in asked)
    assert re.search(r"are of 13 of the 13 images \(held out\)", text)
