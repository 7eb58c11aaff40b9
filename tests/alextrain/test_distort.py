"""Distortions: each equals a reference image by image, for its own numbers."""

import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import InterpolationMode, functional

from alextrain.data.distort import erase, inside_boxes, jitter, rotate

SIZE, COUNT = 33, 7


@pytest.fixture(scope="module")
def images():
    draw = np.random.default_rng(0)
    noise = draw.integers(0, 256, (COUNT, SIZE, SIZE, 3), dtype=np.uint8)
    noise[0, :4] = 0  # black, white and grey have no hue
    noise[0, 4:8] = 255
    noise[0, 8:12] = 77
    return torch.from_numpy(noise)


def theirs(image, operation, factor):
    """One image [S, S, 3] by torchvision, in floats as it has them, back to levels."""
    planes = image.permute(2, 0, 1).double() / 255
    return 255 * operation(planes, factor).permute(1, 2, 0)


@pytest.mark.parametrize(
    ("column", "operation", "low", "high"),
    [
        (0, functional.adjust_brightness, 0.2, 1.8),
        (1, functional.adjust_contrast, 0.2, 1.8),
        (2, functional.adjust_saturation, 0.2, 1.8),
        (3, functional.adjust_hue, -0.5, 0.5),
    ],
)
def test_each_image_has_its_own_colours_as_torchvision_makes_them(
    images, column, operation, low, high
):
    numbers = torch.tensor([1.0, 1.0, 1.0, 0.0]).repeat(COUNT, 1)
    numbers[:, column] = torch.linspace(low, high, COUNT)
    ours = jitter(images, numbers)
    assert ours.dtype == torch.uint8
    for image, row, found in zip(images, numbers, ours, strict=True):
        expected = theirs(image, operation, row[column].item())
        assert (found - expected).abs().max() <= 0.51  # rounded once
    assert len({tuple(found.flatten().tolist()) for found in ours}) == COUNT


def test_all_four_follow_each_other_without_rounding_between(images):
    numbers = torch.tensor([[0.8, 1.3, 0.7, 0.1]]).repeat(COUNT, 1)
    for image, found in zip(images, jitter(images, numbers), strict=True):
        planes = image.permute(2, 0, 1).double() / 255
        for step, factor in zip(
            (
                functional.adjust_brightness,
                functional.adjust_contrast,
                functional.adjust_saturation,
                functional.adjust_hue,
            ),
            numbers[0].tolist(),
            strict=True,
        ):
            planes = step(planes, factor)
        assert (found - 255 * planes.permute(1, 2, 0)).abs().max() <= 0.51


def test_nothing_asked_changes_no_level(images):
    numbers = torch.tensor([1.0, 1.0, 1.0, 0.0]).repeat(COUNT, 1)
    assert torch.equal(jitter(images, numbers), images)


@pytest.mark.parametrize("size", [32, 33])
def test_each_picture_turns_by_its_own_angle_as_torchvision_turns_it(size):
    pictures = torch.randn(COUNT, 3, size, size, generator=torch.Generator().manual_seed(0))
    degrees = torch.linspace(-180, 170, COUNT)
    ours = rotate(pictures, degrees)
    for picture, angle, found in zip(pictures, degrees.tolist(), ours, strict=True):
        expected = functional.rotate(picture, angle, InterpolationMode.BILINEAR)
        assert (found - expected).abs().max() < 2e-4
    quarter = rotate(pictures, torch.full((COUNT,), 90.0))
    torch.testing.assert_close(quarter, pictures.rot90(1, (2, 3)), rtol=0, atol=1e-4)


def test_each_picture_loses_its_own_box_and_nothing_else():
    pictures = torch.ones(3, 3, 10, 10)
    boxes = torch.tensor([[2.0, 3, 4, 5], [0, 0, 0, 0], [0, 0, 10, 10]])
    erase(pictures, boxes)
    assert not pictures[0, :, 2:6, 3:8].any()
    assert pictures[0].sum() == 3 * (100 - 20)
    assert pictures[1].all()
    assert not pictures[2].any()


def test_boxes_end_before_their_ends():
    inside = inside_boxes(6, *torch.tensor([[1.0], [2], [3], [5]]))
    expected = torch.zeros(1, 1, 6, 6, dtype=torch.bool)
    expected[:, :, 1:3, 2:5] = True
    assert torch.equal(inside, expected)
