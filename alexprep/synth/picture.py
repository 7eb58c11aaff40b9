"""One drawn picture: background, clutter, a figure whose outline and texture are the class."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from alexprep.synth.draws import Draws
from alexprep.synth.outlines import OUTLINES, draw_mask
from alexprep.synth.textures import TEXTURES, draw_texture

MAX_CLASSES = len(OUTLINES) * len(TEXTURES)  # 8 and 9 have no common divisor: each pair once
LARGE = (6720, 4480)  # 30 million pixels
_LONGEST = 640  # what is larger is drawn at this length and enlarged
_GRAYSCALE, _TURNED = 0.015, 0.01  # shares of the pictures
# (width, height) and how often of a hundred. Most of ImageNet is 500 along its longer side.
_SIZES = {
    (500, 375): 40, (375, 500): 12, (500, 333): 11, (333, 500): 4, (500, 400): 3, (500, 335): 3,
    (500, 281): 2, (500, 500): 2, (640, 480): 3, (800, 600): 2, (1024, 768): 2, (1600, 1200): 1,
}  # fmt: skip
_ANY_SIZE = 15  # of a hundred: 75 to 500 pixels, any aspect from 1:2 to 2:1
# Colours vary as ImageNet's do: mean, axes and standard deviations of its RGB levels, from the
# color_pca of cuda-convnet2 (Krizhevsky), rounded.
_MEAN = np.array([127.3, 119.7, 104.9])
_AXES = np.array([[0.564, 0.713, 0.418], [0.576, 0.024, -0.817], [0.592, -0.701, 0.397]])
_DEVIATIONS = np.array([121.8, 37.1, 19.7])

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Subject:
    """What a class looks like."""

    outline: str
    texture: str

    @property
    def words(self) -> str:
        """A name for people: "striped disc"."""
        return f"{self.texture} {self.outline}"


def subject(label: int) -> Subject:
    """Return what class number `label` (0 to MAX_CLASSES - 1) looks like."""
    outlines, textures = list(OUTLINES), list(TEXTURES)
    return Subject(outlines[label % len(outlines)], textures[label % len(textures)])


def draw_jpeg(label: int, draws: Draws, size: tuple[int, int] | None = None) -> bytes:
    """Draw a picture and encode it as ImageNet's are: JPEG, here and there gray or turned.

    Args:
        label: Class, 0 to MAX_CLASSES - 1.
        draws: The random stream of this picture.
        size: Width and height in pixels; None for one as frequent as in ImageNet.

    Returns:
        The bytes of a JPEG file.
    """
    size = draw_size(draws) if size is None else size
    picture = draw_picture(subject(label), size, draws)
    if draws.chance(_GRAYSCALE):
        picture = picture.convert("L")
    exif = b""
    if draws.chance(_TURNED):
        # As a camera held upright stores it: lying, with a tag that says how to turn it back.
        picture = picture.transpose(Image.Transpose.ROTATE_90)
        tags = Image.Exif()
        tags[0x0112] = 6
        exif = tags.tobytes()
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=draws.integer(78, 96), exif=exif)
    return buffer.getvalue()


def draw_size(draws: Draws) -> tuple[int, int]:
    """Return a width and a height in pixels, as frequent as in ImageNet."""
    sizes = [*_SIZES, None]
    size = draws.choice(sizes, [*_SIZES.values(), _ANY_SIZE])
    if size is not None:
        return size
    longer = draws.integer(75, 500)
    shorter = max(50, int(longer * draws.uniform(0.5, 1)))
    return (longer, shorter) if draws.chance(0.7) else (shorter, longer)


def draw_picture(what: Subject, size: tuple[int, int], draws: Draws) -> Image.Image:
    """Draw a picture.

    Args:
        what: The figure.
        size: Width and height, pixels.
        draws: Everything that does not belong to the class comes from here.

    Returns:
        An RGB picture of that size.
    """
    scale = min(1.0, _LONGEST / max(size))
    width, height = max(8, round(size[0] * scale)), max(8, round(size[1] * scale))
    picture = _background(width, height, draws)
    _clutter(picture, draws)
    _figure(picture, what, draws)
    picture = Image.fromarray(_grain(np.asarray(picture), draws))
    return picture if picture.size == size else picture.resize(size, Image.Resampling.BICUBIC)


def _colour(draws: Draws, low: float = -1.7, high: float = 1.7) -> Colour:
    """Return a colour whose lightness is `low` to `high` deviations from the mean."""
    along = [draws.uniform(low, high), draws.uniform(-1.7, 1.7), draws.uniform(-1.7, 1.7)]
    red, green, blue = np.clip(_MEAN + _AXES @ (_DEVIATIONS * along), 0, 255)
    return int(red), int(green), int(blue)


def _background(width: int, height: int, draws: Draws) -> Image.Image:
    grid = (draws.integer(2, 5), draws.integer(2, 5))
    colours = [_colour(draws, -0.9, 0.9) for _ in range(grid[0] * grid[1])]
    coarse = Image.new("RGB", grid)
    coarse.putdata(colours)
    return coarse.resize((width, height), Image.Resampling.BICUBIC)


def _clutter(picture: Image.Image, draws: Draws) -> None:
    """Draw some plain bars, blots and corners that say nothing about the class."""
    pencil = ImageDraw.Draw(picture)
    unit = min(picture.size)
    for _ in range(draws.integer(2, 7)):
        x, y = draws.uniform(0, picture.width), draws.uniform(0, picture.height)
        reach = unit * draws.uniform(0.04, 0.2)
        colour = _colour(draws)
        if draws.chance(0.4):
            pencil.ellipse((x - reach, y - reach / 2, x + reach, y + reach / 2), fill=colour)
            continue
        turns = sorted(draws.uniform(0, 2 * math.pi) for _ in range(draws.integer(3, 5)))
        corners = [(x + reach * math.cos(turn), y + reach * math.sin(turn)) for turn in turns]
        pencil.polygon(corners, fill=colour)


def _figure(picture: Image.Image, what: Subject, draws: Draws) -> None:
    """Draw the figure into the middle square, which is what preparation keeps."""
    unit = min(picture.size)
    radius = unit * draws.uniform(0.28, 0.46)
    mask = draw_mask(what.outline, radius, draws.uniform(-0.4, 0.4), draws.uniform(0.85, 1.15))
    period = unit * draws.uniform(0.06, 0.1)
    pattern = Image.fromarray(draw_texture(what.texture, mask.width, period, draws))
    lights = [_colour(draws, 0.35, 1.7), _colour(draws, -1.7, -0.35)]
    if draws.chance(0.5):
        lights.reverse()
    inks = [Image.new("RGB", mask.size, colour) for colour in lights]
    tile = Image.composite(inks[0], inks[1], pattern)
    left = picture.width / 2 + unit * draws.uniform(-0.12, 0.12) - mask.width / 2
    top = picture.height / 2 + unit * draws.uniform(-0.12, 0.12) - mask.height / 2
    picture.paste(tile, (round(left), round(top)), mask)


def _grain(levels: NDArray[np.uint8], draws: Draws) -> NDArray[np.uint8]:
    """Add uneven light and grain; without them files would be a quarter of ImageNet's size."""
    height, width, _ = levels.shape
    noise = draws.levels(height, width)
    strength = draws.uniform(0.2, 2.0)
    # the sum of two numbers 0 to 15, 15 taken off: a triangle, near enough to a bell
    number = np.arange(256)
    table = (((number & 15) + (number >> 4) - 15) * strength).astype(np.int16)
    light = table[noise]
    light += np.linspace(*_slope(draws), width).astype(np.int16)[None, :]
    light += np.linspace(*_slope(draws), height).astype(np.int16)[:, None]
    lit: NDArray[np.uint8] = np.clip(levels + light[:, :, None], 0, 255).astype(np.uint8)
    return lit


def _slope(draws: Draws) -> tuple[float, float]:
    end = draws.uniform(-30, 30)
    return -end, end
