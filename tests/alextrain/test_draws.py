import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from alextrain.data.draws import Augmentation, draw_batch, uniforms
from alextrain.errors import RecipeError

RANDOM = Augmentation(227)
RESIZED = Augmentation(143, crops="resized")
KINDS = st.sampled_from([RANDOM, RESIZED, Augmentation(100, crops="centre")])


@given(kind=KINDS, start=st.integers(0, 2**40), cut=st.integers(0, 20))
def test_draws_of_any_range_are_those_of_the_whole(kind, start, cut):
    whole = draw_batch(kind, 256, 5, 2, start, 20).table
    first = draw_batch(kind, 256, 5, 2, start, cut).table
    second = draw_batch(kind, 256, 5, 2, start + cut, 20 - cut).table
    assert torch.equal(torch.cat([first, second]), whole)


def test_neighbours_seeds_and_epochs_draw_differently():
    tables = [uniforms(seed, epoch, 0, 500) for seed in (0, 1) for epoch in (0, 1)]
    assert len(np.unique(np.concatenate(tables))) == 4 * 500 * 32


def test_the_draws_never_change():
    # An old checkpoint that is continued by a new version must see the same pictures.
    random = draw_batch(RANDOM, 256, 5, 2, 7, 2).table.tolist()
    assert random[0][:5] == [11, 19, 227, 227, 0]
    assert random[1][:5] == [20, 9, 227, 227, 1]
    assert random[0][5:] == pytest.approx([-1.4743414, -1.1517501, -0.2463560], rel=1e-6)
    resized = draw_batch(RESIZED, 160, 5, 2, 7, 2).table.tolist()
    assert [row[:4] for row in resized] == [[26, 24, 93, 123], [25, 2, 124, 154]]


def test_every_place_of_a_random_crop_is_equally_likely():
    draws = draw_batch(Augmentation(253), 256, 0, 0, 0, 32_000)  # 4 x 4 places, 2,000 each
    counts = torch.bincount((draws.top * 4 + draws.left).long(), minlength=16)
    assert counts.shape == (16,)
    assert (counts - 2000).abs().max() < 5 * math.sqrt(2000)


def test_half_of_the_images_are_mirrored():
    flips = draw_batch(RANDOM, 256, 0, 0, 0, 10_000).flip
    assert abs(flips.float().mean() - 0.5) < 0.02
    assert not draw_batch(Augmentation(227, flip=False), 256, 0, 0, 0, 1000).flip.any()


@given(seed=st.integers(0, 2**32), size=st.sampled_from([143, 160, 256]))
def test_every_box_lies_inside_of_the_image(seed, size):
    for kind in (RESIZED, Augmentation(143), Augmentation(143, crops="centre")):
        draws = draw_batch(kind, size, seed, 0, 0, 64)
        for start, extent in ((draws.top, draws.height), (draws.left, draws.width)):
            assert (start >= 0).all()
            assert (extent >= 1).all()
            assert (start + extent <= size).all()
            assert torch.equal(start, start.round())
            assert torch.equal(extent, extent.round())


def test_boxes_have_the_areas_and_shapes_of_torchvision():
    draws = draw_batch(RESIZED, 256, 1, 0, 0, 50_000)
    area, ratio = draws.height * draws.width / 256**2, draws.width / draws.height
    assert 0.345 < area.min() < area.max() <= 1
    assert 0.74 < ratio.min() < ratio.max() < 1.35
    # One pair in five is refused; what is left keeps log ratio around 0 and a mean area that
    # follows from the rule: E[(e^-2L - a^2) / 2] / E[e^-L - a], L uniform up to ln 4/3, a = 0.35.
    edge = np.linspace(0, math.log(4 / 3), 10_001)
    expected = np.mean((np.exp(-2 * edge) - 0.35**2) / 2) / np.mean(np.exp(-edge) - 0.35)
    assert area.mean() == pytest.approx(expected, abs=0.003)
    assert ratio.log().mean() == pytest.approx(0, abs=0.003)


def test_torchvision_itself_draws_such_boxes():
    transforms = pytest.importorskip("torchvision.transforms")
    image = torch.empty(3, 256, 256)
    torch.manual_seed(0)
    drawn = [
        transforms.RandomResizedCrop.get_params(image, [0.35, 1.0], [3 / 4, 4 / 3])
        for _ in range(4000)
    ]
    theirs = torch.tensor(drawn, dtype=torch.float32)  # top, left, height, width
    ours = draw_batch(RESIZED, 256, 2, 0, 0, 40_000).table[:, :4]
    # standard errors of their means are 0.7 (places) and 0.5 (extents) pixels at most
    assert (ours.mean(0) - theirs.mean(0)).abs().max() < 2.5
    assert (ours.std(0) - theirs.std(0)).abs().max() < 2.5


def test_a_box_that_never_fits_becomes_the_whole_image():
    narrow = Augmentation(8, crops="resized", scale=(1.0, 1.0), ratio=(0.5, 2.0))
    draws = draw_batch(narrow, 4096, 0, 0, 0, 100)
    whole = (draws.height == 4096) & (draws.width == 4096)
    assert whole.all()


def test_colours_are_standard_normal_and_independent():
    colour = draw_batch(RANDOM, 256, 0, 0, 0, 100_000).colour.double().numpy()
    assert np.abs(colour.mean(0)).max() < 0.015
    assert np.abs(np.cov(colour.T) - np.eye(3)).max() < 0.015
    assert np.abs((colour**4).mean(0) - 3).max() < 0.12  # a normal's kurtosis


def test_choices_do_not_depend_on_each_other():
    table = draw_batch(RESIZED, 256, 3, 0, 0, 50_000).table.double().numpy()
    # The place is drawn in what the extent leaves free, so as a share of it.
    for start, extent in ((0, 2), (1, 3)):
        table[:, start] = (table[:, start] + 0.5) / (257 - table[:, extent])
    columns = [0, 1, 3, 4, 5, 6, 7]  # height goes with width: both follow the area
    correlation = np.corrcoef(table[:, columns].T) - np.eye(len(columns))
    assert np.abs(correlation).max() < 0.02


def test_switching_the_colour_off_leaves_crops_and_mirrors():
    plain = draw_batch(Augmentation(227, colour="off"), 256, 0, 0, 0, 100)
    noisy = draw_batch(RANDOM, 256, 0, 0, 0, 100)
    assert torch.equal(plain.table[:, :5], noisy.table[:, :5])


@pytest.mark.parametrize(("size", "crop", "place"), [(256, 224, 16), (256, 227, 14), (160, 143, 8)])
def test_the_centre_is_where_caffe_and_the_authors_have_it(size, crop, place):
    draws = draw_batch(Augmentation(crop, crops="centre"), size, 0, 0, 0, 5)
    assert (draws.top == place).all()
    assert (draws.left == place).all()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"scale": (0.5, 1.5)}, "two shares of the image's area"),
        ({"ratio": (1.5, 2.0)}, "least and the greatest width / height"),
    ],
)
def test_boxes_that_cannot_fit_are_refused(values, words):
    with pytest.raises(RecipeError, match=words):
        Augmentation(143, crops="resized", **values)


def test_a_crop_larger_than_the_images_is_refused_with_both_sizes():
    with pytest.raises(RecipeError, match="crop 227 does not fit into the 160x160 images"):
        RANDOM.check(160)
    RANDOM.check(227)
