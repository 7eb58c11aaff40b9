"""The pictures of the generated set: what tells classes apart, and how sizes vary."""

import io

import numpy as np
from PIL import Image

from alexprep.synth.draws import Draws
from alexprep.synth.outlines import OUTLINES
from alexprep.synth.picture import MAX_CLASSES, draw_jpeg, draw_picture, draw_size, subject


def mean_colour_accuracy(images, labels, classes):
    """Top-1 accuracy of a linear classifier, fitted on one half and tried on the other."""
    colours = np.array([image.reshape(-1, 3).mean(axis=0) for image in images]) / 255
    inputs = np.column_stack([colours, colours**2, np.ones(len(colours))])
    half = len(labels) // 2
    weights, *_ = np.linalg.lstsq(inputs[:half], np.eye(classes)[labels[:half]], rcond=None)
    return float(((inputs[half:] @ weights).argmax(axis=1) == labels[half:]).mean())


def test_mean_colour_does_not_tell_the_class():
    labels = np.arange(1000) % 10
    images = [
        np.asarray(draw_picture(subject(label), (48, 48), Draws(0, number)))
        for number, label in enumerate(labels)
    ]
    assert mean_colour_accuracy(images, labels, 10) < 0.2
    # the same classifier does see a colour that belongs to a class
    tinted = [
        image // 2 + np.uint8(12 * label) for image, label in zip(images, labels, strict=True)
    ]
    assert mean_colour_accuracy(tinted, labels, 10) > 0.2


def test_each_class_is_another_pair_of_outline_and_texture():
    subjects = [subject(label) for label in range(MAX_CLASSES)]
    assert len(set(subjects)) == MAX_CLASSES == 72
    assert len({what.outline for what in subjects[:8]}) == 8
    assert len({what.texture for what in subjects[:9]}) == 9


def test_outlines_stay_within_their_radius():
    for outer, inner in OUTLINES.values():
        assert max(np.hypot(x, y) for x, y in outer) <= 1
        assert len(outer) >= 3 or not inner


def test_sizes_vary_as_those_of_imagenet_do():
    sizes = [draw_size(Draws(0, number)) for number in range(2000)]
    longer = np.array([max(size) for size in sizes])
    assert np.median(longer) == 500
    assert 0.7 < (longer == 500).mean() < 0.9
    assert 0.15 < np.mean([width < height for width, height in sizes]) < 0.35
    assert sizes.count((500, 375)) > sizes.count((375, 500)) > 100
    assert longer.min() < 150
    assert longer.max() == 1600


def test_a_few_pictures_are_gray_and_a_few_carry_a_turn():
    pictures = [
        Image.open(io.BytesIO(draw_jpeg(0, Draws(0, number), (60, 40)))) for number in range(600)
    ]
    gray = sum(picture.mode == "L" for picture in pictures)
    turned = [picture for picture in pictures if picture.getexif().get(0x0112) == 6]
    assert 3 <= gray <= 18
    assert 1 <= len(turned) <= 15
    assert all(picture.size == (40, 60) for picture in turned)


def test_draws_follow_the_raw_stream_by_plain_arithmetic():
    raw = np.random.Philox(key=np.array([5, 9], np.uint64)).random_raw(3)
    draws = Draws(5, 9)
    assert draws.uniform(0, 1) == (int(raw[0]) >> 11) / 2**53
    assert draws.integer(1, 6) == 1 + (int(raw[1]) >> 11) * 6 // 2**53
    assert draws.levels(8).tolist() == list(int(raw[2]).to_bytes(8, "little"))
