import numpy as np
import pytest

from alexprep.errors import StatisticsError
from alexprep.measuring.moments import Moments, MomentSums, sum_images

from .shardsets import noise


def same(a, b):
    pairs = [(a.pixel_sum, b.pixel_sum), (a.outer_sum, b.outer_sum)]
    return a.count == b.count and all(np.array_equal(x, y) for x, y in pairs)


def reference(images):
    """The plain definition in 64-bit integers."""
    rgb = images.reshape(-1, 3).astype(np.int64)
    return Moments(len(images), images.sum(axis=0, dtype=np.int64), rgb.T @ rgb)


def rgbx(image, x=255):
    return np.concatenate([image, np.full((*image.shape[:2], 1), x, np.uint8)], axis=2)


# one pixel, primes below and above the run of 256 pixels, the usual sides
@pytest.mark.parametrize("size", [1, 8, 97, 160, 256, 263])
def test_sums_equal_the_definition_in_64_bit_integers(size):
    images = noise(size, 3, size)
    assert same(sum_images(images), reference(images))


@pytest.mark.parametrize("count", [257, 258, 515])  # a full 16-bit sum, one more, two and one
def test_white_images_are_exact_beyond_float32_and_beyond_16_bits(count):
    images = np.full((count, 17, 17, 3), 255, np.uint8)
    assert same(sum_images(images), reference(images))


@pytest.mark.parametrize("lightest", [255, 254])  # full runs of 256 pixels, even and odd products
def test_the_lightest_runs_of_each_channel_are_exact(lightest):
    images = np.full((6, 64, 64, 3), lightest, np.uint8)
    images[range(6), :, :, [0, 1, 2, 0, 1, 2]] -= 1
    assert same(sum_images(images), reference(images))


def test_the_fourth_byte_of_a_pixel_does_not_count():
    images = noise(4, 3, 16)
    sums = MomentSums(16)
    for image, x in zip(images, (0, 127, 255), strict=True):
        sums.add(rgbx(image, x))
    assert same(sums.moments(), reference(images))


def test_a_million_white_images_stay_exact():
    # by doubling: 2**20 images of 64 white pixels have sums far beyond float32's 2**24
    moments = sum_images(np.full((1, 8, 8, 3), 255, np.uint8))
    for _ in range(20):
        moments = moments + moments
    assert moments.count == 2**20
    assert (moments.pixel_sum == 255 * 2**20).all()
    assert (moments.outer_sum == 255 * 255 * 64 * 2**20).all()


@pytest.mark.parametrize("cut", [1, 2, 5])
def test_any_split_in_any_order_gives_the_same_bits(cut):
    images = noise(1, 6, 16)
    whole, left, right = map(sum_images, (images, images[:cut], images[cut:]))
    assert same(left + right, whole)
    assert same(right + left, whole)
    assert same(whole + Moments.none(16), whole)


def test_one_colour_has_a_closed_form():
    colour = np.array([255, 128, 1])
    moments = sum_images(np.full((3, 256, 256, 3), colour, np.uint8))
    assert (moments.pixel_sum == 3 * colour).all()
    assert np.array_equal(moments.outer_sum, 3 * 256 * 256 * np.outer(colour, colour))


def test_asking_for_moments_does_not_disturb_the_adding():
    images = noise(2, 4, 8)
    sums = MomentSums(8)
    for count, image in enumerate(images, 1):
        sums.add(rgbx(image))
        assert same(sums.moments(), reference(images[:count]))


def test_moments_taken_earlier_do_not_change_later():
    images = noise(3, 2, 8)
    sums = MomentSums(8)
    sums.add(rgbx(images[0]))
    first = sums.moments()
    sums.add(rgbx(images[1]))
    sums.moments()
    assert same(first, reference(images[:1]))


def test_other_types_and_shapes_are_refused_by_name():
    with pytest.raises(StatisticsError, match=r"uint8 \[n, S, S, 3\]; got float32 \[2, 8, 8, 3\]"):
        sum_images(np.zeros((2, 8, 8, 3), np.float32))
    with pytest.raises(StatisticsError, match=r"uint8 \[n, S, S, 3\]; got uint8 \[2, 8, 9, 3\]"):
        sum_images(np.zeros((2, 8, 9, 3), np.uint8))
    with pytest.raises(StatisticsError, match=r"uint8 \[8, 8, 4\]; got uint8 \[8, 8, 3\]"):
        MomentSums(8).add(np.zeros((8, 8, 3), np.uint8))
