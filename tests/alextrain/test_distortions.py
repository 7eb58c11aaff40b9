"""What is drawn for distortions: by position alone, each image for itself, as spread as asked."""

import numpy as np
import pytest
import torch

from alextrain.data.augment import Augmenter
from alextrain.data.distortions import draw_distortions
from alextrain.data.draws import Augmentation, draw_batch
from alextrain.data.variates import betas
from alextrain.recipes.tables import Distortions

ALL = Distortions(
    rotation=20,
    brightness=0.4,
    contrast=0.3,
    saturation=0.2,
    hue=0.1,
    erasing=0.25,
    mixup=0.2,
    cutmix=1.0,
)
CROP = 143


@pytest.fixture(scope="module")
def table():
    return draw_distortions(ALL, CROP, 0, 0, 0, 20_000).astype(np.float64)


def test_the_numbers_of_a_position_depend_on_nothing_else(table):
    parts = [draw_distortions(ALL, CROP, 0, 0, start, 7) for start in range(0, 70, 7)]
    assert np.array_equal(np.concatenate(parts), table[:70].astype(np.float32))
    for seed, epoch in ((1, 0), (0, 1)):
        other = draw_distortions(ALL, CROP, seed, epoch, 0, 70)
        assert not (other == table[:70]).all(axis=1).any()


def test_no_two_images_share_a_draw(table):
    assert len(np.unique(table[:, :5], axis=0)) == len(table)


def test_crops_mirrors_and_colours_are_those_of_the_same_run_without():
    plain, distorted = Augmentation(CROP), Augmentation(CROP, distortions=ALL)
    before = draw_batch(plain, 160, 3, 2, 40, 50)
    after = draw_batch(distorted, 160, 3, 2, 40, 50)
    assert before.distortions.shape == (50, 0)
    assert after.distortions.shape == (50, 14)
    assert torch.equal(before.table, after.table[:, :8])


def test_angles_factors_and_hues_are_uniform_and_independent(table):
    bounds = [(-20, 20), (0.6, 1.4), (0.7, 1.3), (0.8, 1.2), (-0.1, 0.1)]
    spread = [(table[:, i] - low) / (high - low) for i, (low, high) in enumerate(bounds)]
    for values in spread:
        counts = np.histogram(values, bins=20, range=(0, 1))[0]
        assert counts.sum() == len(table)
        assert ((counts - 1000) ** 2 / 1000).sum() < 44  # chi square, 19 degrees: one in a thousand
    assert np.abs(np.corrcoef(spread) - np.eye(5)).max() < 0.03


def test_a_quarter_loses_a_box_of_the_area_and_shape_asked(table):
    top, left, height, width = table[:, 5:9].T
    some = height > 0
    assert abs(some.mean() - 0.25) < 0.01
    area, ratio = height * width / CROP**2, width / np.where(some, height, 1)
    assert area[some].min() > 0.018
    assert area[some].max() < 0.335
    assert 0.15 < area[some].mean() < 0.18
    assert ratio[some].min() > 0.28
    assert ratio[some].max() < 3.4
    assert (top + height <= CROP).all()
    assert (left + width <= CROP).all()
    assert (top[some] == 0).mean() < 0.05


def test_half_are_mixed_whole_and_half_by_a_box(table):
    weight, (top, left, bottom, right) = table[:, 9], table[:, 10:14].T
    boxed = bottom > top
    assert 0.45 < boxed.mean() < 0.52
    area = (bottom - top) * (right - left) / CROP**2
    assert np.abs(weight[boxed] - (1 - area[boxed])).max() < 1e-6
    # of Beta(1, 1) 1 - weight is the area; what leaves the picture is cut off
    assert 0.25 < area[boxed].mean() < 0.5
    whole = weight[~boxed & (weight < 1)]
    assert abs(whole.mean() - 0.5) < 0.02
    assert abs(whole.var() - 1 / (4 * (2 * 0.2 + 1))) < 0.01  # of Beta(a, a)


@pytest.mark.parametrize("kind", ["mixup", "cutmix"])
def test_one_kind_alone_is_for_all(kind):
    table = draw_distortions(Distortions(**{kind: 1.0}), CROP, 0, 0, 0, 2000)
    boxed = table[:, 12] > table[:, 10]
    assert not boxed.any() if kind == "mixup" else boxed.mean() > 0.98
    assert (table[:, 9] < 1).mean() > 0.98


@pytest.mark.parametrize(
    ("alpha", "inverse"),
    [
        (1.0, lambda u: u),
        (0.5, lambda u: np.sin(np.pi * u / 2) ** 2),
        (2.0, lambda u: 0.5 - np.sin(np.arcsin(1 - 2 * u) / 3)),
    ],
)
def test_betas_are_the_inverse_of_their_distribution(alpha, inverse):
    u = np.linspace(0, 1, 1001)[:-1]
    assert np.abs(betas(alpha, u) - inverse(u)).max() < 2e-6


@pytest.mark.parametrize("alpha", [0.01, 0.2, 0.4, 3.0, 32.0])
def test_betas_of_any_alpha_have_their_variance(alpha):
    x = betas(alpha, (np.arange(100_000) + 0.5) / 100_000)
    assert (np.diff(x) >= 0).all()
    assert abs(x.mean() - 0.5) < 1e-9
    assert x.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=1e-3)


def test_what_is_missing_is_the_mean():
    """A picture turned by 45 degrees has four empty corners; an erased box is empty too."""
    images = torch.full((1, 40, 40, 3), 200, dtype=torch.uint8)
    turned = Distortions(rotation=45)
    for distortions, column, value in ((turned, 8, 45.0), (Distortions(erasing=1), 13, None)):
        augmentation = Augmentation(32, distortions=distortions, colour="off")
        draws = draw_batch(augmentation, 40, 0, 0, 0, 1)
        if value is not None:
            draws.table[:, column] = value
        mean, std = np.array([120.0, 110.0, 100.0]), np.full(3, 50.0)
        found = Augmenter(augmentation, mean, std, np.eye(3), torch.device("cpu"))(images, draws)
        assert (found == 0).any()
        assert found.max() == 2.0
        if value is not None:
            assert not found[:, :, [0, 0, -1, -1], [0, -1, 0, -1]].any()


def test_evaluation_sees_no_distortion():
    images = torch.randint(0, 256, (3, 40, 40, 3), dtype=torch.uint8)
    views = [
        next(
            Augmenter(
                Augmentation(32, distortions=distortions),
                np.full(3, 100.0),
                None,
                np.eye(3),
                torch.device("cpu"),
            ).views(images)
        )
        for distortions in (Distortions(), ALL)
    ]
    assert torch.equal(*views)
