"""The views of evaluation."""

import numpy as np
import pytest
import torch

from alextrain.data.augment import Augmenter
from alextrain.data.draws import Augmentation
from alextrain.data.views import view_places

from .augmented import (
    BASIS,
    CPU,
    CROP,
    MEAN,
    SIZE,
    STD,
)


class TestViews:
    def test_places_are_those_of_the_paper(self):
        five = [(0, 0), (0, 32), (32, 0), (32, 32), (16, 16)]
        assert view_places(256, 224, 1) == [(16, 16, False)]
        assert view_places(256, 224, 5) == [(*place, False) for place in five]
        mirrored = [(*place, True) for place in five]
        assert view_places(256, 224, 10) == [(*place, False) for place in five] + mirrored
        assert view_places(256, 227, 1) == [(14, 14, False)]
        assert view_places(256, 227, 5)[3] == (29, 29, False)

    def test_the_centre_view_is_the_centre_crop_minus_the_centre_of_the_mean(
        self, images, mean_image
    ):
        augmenter = Augmenter(Augmentation(CROP), mean_image, None, BASIS, CPU)
        (view,) = augmenter.views(images)
        inner = slice(5, 5 + CROP)  # (40 - 29) // 2
        expected = images[:, inner, inner].float() - torch.from_numpy(mean_image)[inner, inner]
        assert torch.equal(view, expected.permute(0, 3, 1, 2))

    def test_ten_views_are_those_of_torchvision(self, images):
        functional = pytest.importorskip("torchvision.transforms.functional")
        augmenter = Augmenter(Augmentation(CROP - 1), np.zeros(3), None, BASIS, CPU)  # even margin
        ours = {view.numpy().tobytes() for view in augmenter.views(images[:1], 10)}
        theirs = functional.ten_crop(images[:1].permute(0, 3, 1, 2).float(), CROP - 1)
        assert ours == {view.contiguous().numpy().tobytes() for view in theirs}

    @pytest.mark.parametrize("crop", [CROP - 1, SIZE])
    def test_a_mirrored_image_has_the_same_ten_views(self, images, mean_image, crop):
        symmetric = (mean_image + mean_image[:, ::-1]) / 2
        augmenter = Augmenter(Augmentation(crop), symmetric, None, BASIS, CPU)
        plain = {view.numpy().tobytes() for view in augmenter.views(images[:1], 10)}
        turned = {view.numpy().tobytes() for view in augmenter.views(images[:1].flip(2), 10)}
        assert plain == turned
        assert len(plain) == (10 if crop < SIZE else 2)

    def test_a_corner_pixel_is_in_one_corner_view_and_its_mirror(self):
        image = torch.zeros(1, SIZE, SIZE, 3, dtype=torch.uint8)
        image[0, 0, SIZE - 1] = 255
        augmenter = Augmenter(Augmentation(CROP), np.zeros(3), None, BASIS, CPU)
        seen = [view[0, 0].nonzero().tolist() for view in augmenter.views(image, 10)]
        assert seen == [[], [[0, CROP - 1]], [], [], [], [], [[0, 0]], [], [], []]

    def test_resized_training_is_evaluated_on_plain_crops(self, images):
        plain = Augmenter(Augmentation(CROP), MEAN, STD, BASIS, CPU)
        resized = Augmenter(Augmentation(CROP, crops="resized"), MEAN, STD, BASIS, CPU)
        for a, b in zip(plain.views(images, 5), resized.views(images, 5), strict=True):
            assert torch.equal(a, b)
