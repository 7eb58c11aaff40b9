"""Named geometries: their integers, and the pixels that one resize call gives."""

import io
import itertools
import tarfile

import numpy as np
import pytest
from PIL import Image

from alexprep.images.geometry import box, crop_offset, resized_size
from alexprep.images.transform import encode, square, square_array
from alexprep.settings import GEOMETRIES, PrepSettings
from tests.alexprep.pictures import encode as encode_file
from tests.alexprep.pictures import jpeg

# (width, height) -> width of the resized picture and left edge of the square, size 256
TORCHVISION = {
    (500, 375): (341, 42),
    (500, 333): (384, 64),
    (500, 334): (383, 64),
    (640, 427): (383, 64),
    (500, 332): (385, 64),
    (1000, 667): (383, 64),
    (300, 257): (298, 21),
    (75, 56): (342, 43),
    (259, 256): (259, 2),
    (257, 256): (257, 0),
    (4288, 2848): (385, 64),
}
CUDA_CONVNET2 = TORCHVISION | {
    (500, 334): (383, 63),
    (640, 427): (384, 64),
    (500, 332): (386, 65),
    (1000, 667): (384, 64),
    (300, 257): (299, 21),
    (75, 56): (343, 43),
    (259, 256): (259, 1),
}
TABLE = [("torchvision", TORCHVISION), ("cuda-convnet2", CUDA_CONVNET2)]


@pytest.mark.parametrize(("geometry", "rows"), TABLE)
def test_integers_are_those_of_the_fact_sheet(geometry, rows):
    for (width, height), (new_width, left) in rows.items():
        assert resized_size(width, height, 256, geometry) == (new_width, 256)
        assert crop_offset(new_width, 256, 256, geometry) == (left, 0)
        # a picture on its side has its numbers on their side
        assert resized_size(height, width, 256, geometry) == (256, new_width)
        assert crop_offset(256, new_width, 256, geometry) == (0, left)


def test_the_two_rules_differ_as_often_as_counted():
    sides = itertools.product(range(100, 600), repeat=2)
    sizes = offsets = 0
    for width, height in sides:
        both = [resized_size(width, height, 256, name) for name, _ in TABLE]
        sizes += both[0] != both[1]
        places = [
            crop_offset(*size, 256, name) for (name, _), size in zip(TABLE, both, strict=True)
        ]
        offsets += places[0] != places[1]
    assert sizes / 500**2 == pytest.approx(0.489, abs=0.0005)
    assert offsets / 500**2 == pytest.approx(0.248, abs=0.0005)


def test_an_odd_rest_goes_to_the_even_neighbour():
    found = {d: crop_offset(256 + d, 256, 256, "torchvision")[0] for d in (1, 3, 5, 7, 8)}
    assert found == {1: 0, 3: 2, 5: 2, 7: 4, 8: 4}


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_the_box_lies_inside_the_picture_and_is_a_square_once_resized(geometry):
    draw = np.random.default_rng(0)
    for _ in range(2000):
        width, height, size = (int(n) for n in draw.integers(1, 3000, 3))
        left, top, right, bottom = box(width, height, size, geometry)
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        if geometry != "warp":
            # up to the rounding of the resized size, both sides are scaled alike
            assert (right - left) / (bottom - top) == pytest.approx(1, abs=1.01 / size)


def test_warp_shows_the_whole_picture():
    assert box(500, 375, 256, "warp") == (0, 0, 500, 375)


def two_steps(image, size):
    from torchvision.transforms import CenterCrop, Compose, Resize

    return np.asarray(Compose([Resize(size), CenterCrop(size)])(image)).astype(int)


@pytest.mark.parametrize(
    "sides", [(500, 375), (375, 500), (257, 256), (60, 45), (700, 90), (256, 256)]
)
def test_pixels_are_those_of_torchvision_within_one_level_on_noise(sides):
    noise = np.random.default_rng(sides).integers(0, 256, (sides[1], sides[0], 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    ours = square_array(encode_file(image, "PNG"), PrepSettings()).astype(int)
    assert np.abs(ours - two_steps(image, 256)).max() <= 1


def test_pixels_and_bytes_are_those_of_torchvision_and_pillow_on_originals(shared_data):
    settings = PrepSettings()
    checked = 0
    with tarfile.open(shared_data / "imagenet-originals.tar") as archive:
        for member in archive:
            if not member.isfile():
                continue
            data = archive.extractfile(member).read()
            image, _ = square(data, settings)
            ours = np.asarray(image)
            with Image.open(io.BytesIO(data)) as original:
                theirs = two_steps(original.convert("RGB"), 256)
            assert np.abs(ours.astype(int) - theirs).max() <= 1, member.name
            plain = encode_file(Image.fromarray(ours), "JPEG", quality=95, subsampling="4:2:0")
            assert encode(image, settings) == plain, member.name
            checked += 1
    assert checked == 220


def test_cuda_convnet2_differs_from_torchvision_where_its_integers_do():
    one, other = (square_array(jpeg(640, 427), PrepSettings(geometry=name)) for name, _ in TABLE)
    assert (one != other).any()
