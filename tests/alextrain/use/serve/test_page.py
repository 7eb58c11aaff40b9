"""The page, in a browser: drop, choose or paste a picture, read five bars."""

import base64
import re

import numpy as np
import pytest

from alextrain.export import export
from alextrain.serve.engines import load_served
from tests.alextrain.use.serve.browser import DRIVER, PAGE, browser
from tests.alextrain.use.serve.colours import CPU, colours, picture, serving
from tests.alextrain.use.serve.live import live

BARS = (
    "return [...document.querySelectorAll('#bars li')].map((line) => [line.innerText, "
    "line.querySelector('.track div').getBoundingClientRect().width / "
    "line.querySelector('.track').getBoundingClientRect().width])"
)
# A person's hand is not to be had; these are the events that it causes.
HAND = """
const bytes = Uint8Array.from(atob(arguments[1]), (letter) => letter.charCodeAt(0));
const data = new DataTransfer();
data.items.add(new File([bytes], "picture", { type: "image/png" }));
const event = arguments[0] === "drop"
  ? new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })
  : new ClipboardEvent("paste", { clipboardData: data, bubbles: true });
document.getElementById("drop").dispatchEvent(event);
"""
SIX = ["red", "green", "blue", "<b>bold</b>", "white, a colour with a very long name " * 3, "grey"]


def six(path):
    def forward(images):
        three = colours().forward(images)
        rest = np.tile([0.06, 0.03, 0.01], (len(images), 1))
        return np.concatenate([three * 0.9, rest], axis=1).astype(np.float32)

    return colours(path, forward, SIX)


@pytest.mark.anyio
async def test_the_page_asks_nobody_else_and_runs_only_its_own_script():
    async with serving() as (_, client):
        page = await client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert not re.search(r"""(?:src|href)\s*=\s*["'](?!data:)|https?://|@import""", page.text)
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert " on" + "click=" not in page.text


@pytest.fixture(scope="module")
def chromium():
    if DRIVER is None:
        pytest.skip("chromedriver is not installed (Debian: chromium-driver)")
    with browser() as made:
        yield made


def test_a_dropped_a_pasted_and_a_chosen_picture_get_five_bars(chromium, tmp_path):
    (tmp_path / "blue.png").write_bytes(picture("blue"))
    with live(load=six) as server:
        for width, height in ((1100, 800), (375, 740)):
            chromium.size(width, height)
            chromium.open(server.url)
            for way, colour in (("drop", "green"), ("paste", "red"), ("choose", "blue")):
                if way == "choose":
                    chromium.choose_file("#file", tmp_path / "blue.png")
                else:
                    data = base64.b64encode(picture(colour)).decode()
                    chromium.script(HAND, way, data)
                first = f"document.querySelector('#bars li')?.innerText.startsWith('{colour}')"
                chromium.wait(f"return {first}")
                bars = chromium.script(BARS)
                assert len(bars) == 5
                shares = [float(re.search(r"([\d.]+) %", text)[1]) / 100 for text, _ in bars]
                assert shares == sorted(shares, reverse=True)
                assert [share for _, share in bars] == pytest.approx(shares, abs=0.03)
            chromium.screenshot(tmp_path / f"page-{width}.png")
            seen = chromium.script("return [document.body.scrollWidth, innerWidth]")
            assert seen[0] <= seen[1]  # nothing lies beside the screen
    assert chromium.complaints() == []


def test_what_is_refused_is_said_on_the_page(chromium, tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    with live() as server:
        chromium.open(server.url)
        chromium.choose_file("#file", tmp_path / "text.png")
        chromium.wait("return document.querySelector('#say.bad')")
        assert "not an image (text)" in chromium.script(PAGE)
        assert chromium.script("return document.getElementById('result').hidden")


def test_grad_cam_is_shown_on_a_switch(chromium, checkpoint, tmp_path):
    (tmp_path / "red.png").write_bytes(picture("red"))
    with live(checkpoint, lambda path: load_served(path, CPU, "torch")) as server:
        chromium.open(server.url)
        chromium.wait("return !document.getElementById('switch').hidden")
        chromium.choose_file("#file", tmp_path / "red.png")
        chromium.wait("return document.querySelector('#bars li')")
        assert chromium.script("return document.getElementById('heat').hidden")
        chromium.click("#gradcam")
        chromium.wait("return document.getElementById('heat').naturalWidth")
        assert not chromium.script("return document.getElementById('heat').hidden")
        chromium.screenshot(tmp_path / "gradcam.png")


def test_where_grad_cam_cannot_be_had_its_switch_is_hidden(chromium, checkpoint, tmp_path):
    export(checkpoint, "onnx", tmp_path / "x.onnx")
    (tmp_path / "red.png").write_bytes(picture("red"))
    with live(tmp_path / "x.onnx", lambda path: load_served(path, CPU, "onnx")) as server:
        chromium.open(server.url)
        chromium.choose_file("#file", tmp_path / "red.png")
        chromium.wait("return document.querySelector('#bars li')")
        assert chromium.script("return document.getElementById('switch').hidden")
        shown = "return getComputedStyle(document.getElementById('switch')).display"
        assert chromium.script(shown) == "none"


def test_a_token_is_asked_for_and_then_the_picture_is_answered(chromium, tmp_path):
    (tmp_path / "red.png").write_bytes(picture("red"))
    with live(token="open sesame") as server:
        chromium.open(server.url)
        chromium.choose_file("#file", tmp_path / "red.png")
        chromium.wait("return !document.getElementById('ask').hidden")
        chromium.type("#token", "open sesame")
        chromium.click("#ask button")
        chromium.wait("return document.querySelector('#bars li')")
        assert chromium.script("return document.getElementById('ask').hidden")
