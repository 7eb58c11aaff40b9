"""POST /predict: pictures in every form, and one sentence for all that is none."""

import gzip
import re
import struct
import zlib

import pytest
from PIL import Image

from alextrain.serve.engines import load_served
from alextrain.use.predict import Predictor
from tests.alextrain.use.serve.colours import CPU, picture, serving

pytestmark = pytest.mark.anyio
RAW = {"content-type": "application/octet-stream"}


async def refusal(body, headers=RAW, address="/predict", **limits):
    async with serving(**limits) as (_, client):
        answer = await client.post(address, content=body, headers=headers)
        return answer.status_code, answer.json()["error"]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM"])
@pytest.mark.parametrize("colour", ["red", "green", "blue"])
async def test_a_picture_of_any_format_is_answered(kind, colour):
    async with serving() as (_, client):
        answer = await client.post("/predict", content=picture(colour, kind), headers=RAW)
    found = answer.json()
    assert found["guesses"][0]["class"] == colour
    assert found["guesses"][0]["words"] == f"{colour}, a colour"
    assert sum(guess["probability"] for guess in found["guesses"]) == pytest.approx(1)
    assert (found["model"], found["version"], found["turned"]) == ("colours", "1", False)


async def test_a_form_and_the_bytes_alone_get_the_same_answer():
    data = picture("green", "JPEG")
    async with serving() as (_, client):
        form = await client.post("/predict", data={"note": "x"}, files={"any": ("a.jpg", data)})
        typed = await client.post("/predict", content=data, headers={"content-type": "image/jpeg"})
        bare = await client.post("/predict", content=data)
    assert form.json() == typed.json() == bare.json()


async def test_top_is_how_many_guesses_and_fewer_classes_are_fine():
    async with serving() as (_, client):
        for top, expected in ((1, 1), (2, 2), (5, 3), (999_999, 3)):
            answer = await client.post(f"/predict?top={top}", content=picture())
            assert len(answer.json()["guesses"]) == expected


@pytest.mark.parametrize("top", ["0", "-1", "many", "1.5", "٣", "9" * 5000, ""])
async def test_another_top_is_422(top):
    status, sentence = await refusal(picture(), address=f"/predict?top={top}")
    assert status == 422
    assert "expected a whole number from 1" in sentence


async def test_a_photograph_is_turned_upright_and_it_is_said(tmp_path):
    image = Image.new("RGB", (80, 60), (250, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.jpg", exif=exif)
    async with serving() as (_, client):
        answer = await client.post("/predict", content=(tmp_path / "turned.jpg").read_bytes())
    assert answer.json()["turned"] is True


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 415, "empty file; send a JPEG"),
        (b"hello there", 415, r"not an image \(text\); send a JPEG"),
        (b"\x00\x01\x02" * 50, 415, "not an image of a known format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n" * 9, 415, "not an image"),
        (picture("red", "JPEG")[:400], 422, "no picture: "),
        (picture("red", "PNG")[:60], 422, "no picture: "),
    ],
)
async def test_what_is_no_picture_gets_415_and_a_damaged_one_422(body, status, words):
    found, sentence = await refusal(body)
    assert found == status
    assert re.match(words, sentence)


def bomb(width, height):
    """A PNG of a few hundred bytes whose header speaks of many pixels."""

    def chunk(kind, data):
        code = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", code)

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 1000)
    start = b"\x89PNG\r\n\x1a\n"
    return start + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


async def test_too_many_pixels_are_413_before_any_is_decoded():
    status, sentence = await refusal(bomb(50_000, 50_000))
    assert (status, sentence) == (
        413,
        "the picture has 50,000 x 50,000 pixels, more than --max-pixels 50,000,000",
    )


async def test_a_gzip_bomb_is_no_picture():
    status, _ = await refusal(gzip.compress(b"\xff\xd8\xff" + bytes(30_000_000)), pixels=100_000)
    assert status in (413, 422)


async def test_too_many_bytes_are_413_whether_the_length_was_said_or_not():
    async def unsaid():
        for _ in range(30):
            yield b"x" * 100

    async with serving(bytes=1000) as (_, client):
        for content in (b"x" * 1001, unsaid()):
            answer = await client.post("/predict", content=content)
            assert answer.status_code == 413
            assert answer.json()["error"].endswith("longer than 1,000 bytes (--max-bytes)")
        exact = await client.post("/predict", content=picture().ljust(1000, b"\0"))
        assert exact.status_code != 413


@pytest.mark.parametrize("kind", ["text/html", "application/x-www-form-urlencoded", "images", "☃"])
async def test_another_content_type_is_415(kind):
    status, sentence = await refusal(picture(), {"content-type": kind.encode()})
    assert status == 415
    assert "send the picture as image/jpeg" in sentence


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "the form is broken"),
        (b"--b\r\n", "the form is broken"),
        (b"--b--\r\n", "the form holds no file"),
        (b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b--\r\n', "no file"),
        (b'--b\r\nContent-Disposition: form-data; filename="a"\r\n\r\n1', "the form is broken"),
        (b"--b\r\nA: 1\r\n\r\n\r\n" * 40 + b"--b--\r\n", "more than 16 parts"),
        (b"\0" * 300, "the form is broken"),
    ],
)
async def test_a_form_without_a_whole_file_is_422(body, words):
    status, sentence = await refusal(body, {"content-type": "multipart/form-data; boundary=b"})
    assert status == 422
    assert words in sentence


async def test_a_form_without_a_boundary_is_422():
    assert (await refusal(b"x", {"content-type": "multipart/form-data"}))[0] == 422


async def test_more_requests_than_may_be_are_told_when_to_come_again():
    async with serving(at_once=2) as (service, client):
        with service.admitted(), service.admitted():
            answer = await client.post("/predict", content=picture())
            assert (await client.get("/v2/health/ready")).status_code == 200
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert (await client.post("/predict", content=picture())).status_code == 200


async def test_a_checkpoint_answers_over_http_as_it_does_in_a_program(checkpoint, network):
    data = picture("blue", "JPEG", (200, 150))
    expected = Predictor(network).predict(data, top=3)[0]
    async with serving(checkpoint, lambda path: load_served(path, CPU)) as (_, client):
        guesses = (await client.post("/predict", content=data)).json()["guesses"]
    assert [guess["class"] for guess in guesses] == [guess.name for guess in expected]
    probabilities = [guess["probability"] for guess in guesses]
    assert probabilities == pytest.approx([guess.probability for guess in expected], abs=1e-6)
