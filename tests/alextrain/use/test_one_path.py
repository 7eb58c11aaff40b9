"""A picture predicted and the same picture prepared into shards: the network sees the same."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from alexprep.images.transform import prepare
from alexprep.settings import PrepSettings
from alexprep.shards.reader import ShardReader
from alextrain.data.decode import decode_into
from alextrain.use.pictures import find_pictures
from alextrain.use.upright import as_file, upright_square
from tests.alextrain.small_shards import SIZE, picture, write_set
from tests.conftest import jpeg_bytes, smooth_image

SIDES = [(90, 71), (71, 90), (72, 72), (300, 201), (75, 500), (31, 40)]


def logits(predictor, squares):
    views = list(predictor.network.augmenter.views(torch.from_numpy(squares), 1))
    with torch.inference_mode():
        return predictor.model(views[0])


@pytest.mark.parametrize("real", [False, True], ids=["generated", "real"])
def test_the_network_sees_the_same_levels_and_answers_the_same(
    predictor, tmp_path, shared_photographs, real
):
    files = shared_photographs if real else [jpeg_bytes(smooth_image(i, *s)) for i, s in SIDES_]
    settings = PrepSettings(size=SIZE, format="png")
    stored = [prepare(data, settings)[0] for data in files]
    reader = ShardReader(write_set(tmp_path, {"train": [stored]}, SIZE, "png"), "train")
    sharded = np.empty((len(files), SIZE, SIZE, 3), np.uint8)
    for i, out in enumerate(sharded):
        decode_into(reader.read(i), out)
    seen = np.stack(
        [upright_square(data, predictor.network.settings, exif=False)[0] for data in files]
    )
    assert np.array_equal(seen, sharded)
    assert torch.allclose(logits(predictor, seen), logits(predictor, sharded), rtol=0, atol=1e-5)
    answers = [guesses[0].name for guesses in predictor.predict(files, exif=False)]
    best = predictor.probabilities(sharded).argmax(1)
    assert answers == [predictor.classes[i] for i in best]


SIDES_ = list(enumerate(SIDES))


@pytest.fixture(scope="session")
def shared_photographs(shared_data):
    pictures = find_pictures([str(shared_data / "imagenet-originals.tar")])
    assert len(pictures) == 220
    return [one.read() for one in pictures[::20]]


def photograph(levels, orientation_):
    """A JPEG as a camera writes it that was held otherwise."""
    exif = Image.Exif()
    exif[0x0112] = orientation_
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, "JPEG", quality=95, exif=exif)
    return buffer.getvalue()


@pytest.mark.parametrize("value", range(1, 9))
def test_a_photograph_is_turned_as_pillow_turns_it(value):
    from PIL import ImageOps

    settings = PrepSettings(size=32)
    data = photograph(picture(5, 60)[:, :44], value)
    square, turned = upright_square(data, settings)
    with Image.open(io.BytesIO(data)) as image:
        upright = np.asarray(ImageOps.exif_transpose(image))
    expected, _ = upright_square(as_file(upright), settings)
    assert np.array_equal(square, expected)
    assert turned == (value != 1)
    as_stored, turned = upright_square(data, settings, exif=False)
    assert not turned
    assert (value == 1) == np.array_equal(as_stored, square)
