"""The shift of colours: its size and its directions, from the authors' statistics."""

import numpy as np
import pytest
import torch

from alextrain.data.augment import Augmenter
from alextrain.data.draws import Augmentation, draw_batch

from .augmented import (
    AXES,
    BASIS,
    CPU,
    SIGMAS,
    one_draw,
)


class TestColour:
    # Standard deviations of the shift on the axes and on R, G, B, from the authors' statistics.
    AS_CODED = ([12.178, 3.709, 1.972], [7.400, 7.200, 7.704])
    AS_WORDED = ([5.816, 0.540, 0.153], [3.300, 3.353, 3.464])

    def shifts(self, colour, count=20_000):
        augmentation = Augmentation(1, colour=colour)
        grey = torch.full((count, 1, 1, 3), 100, dtype=torch.uint8)
        draws = draw_batch(augmentation, 1, 0, 0, 0, count)
        mean = np.full(3, 100.0)
        return Augmenter(augmentation, mean, None, BASIS, CPU)(grey, draws)[:, :, 0, 0].double()

    @pytest.mark.parametrize(
        ("colour", "expected"), [("std", AS_CODED), ("lambda", AS_WORDED)], ids=["std", "lambda"]
    )
    def test_shifts_have_the_size_that_follows_from_the_statistics(self, colour, expected):
        shifts = self.shifts(colour).numpy()
        # 20,000 draws: a standard deviation is known to 0.5 %
        assert (shifts @ AXES).std(0) == pytest.approx(expected[0], rel=0.02)
        assert shifts.std(0) == pytest.approx(expected[1], rel=0.02)
        assert np.abs(shifts.mean(0)).max() < 0.3

    @pytest.mark.parametrize("axis", [0, 1, 2])
    @pytest.mark.parametrize("colour", ["std", "lambda"])
    def test_one_unit_of_a_draw_moves_along_one_axis(self, axis, colour):
        image = torch.zeros(1, 4, 4, 3, dtype=torch.uint8)
        augmentation = Augmentation(4, colour=colour)
        draw = one_draw(0, 0, 4, 4, colour=np.eye(3)[axis])
        shift = Augmenter(augmentation, np.zeros(3), None, BASIS, CPU)(image, draw)[0]
        sigma = SIGMAS[axis]
        expected = 0.1 * AXES[:, axis] * (sigma if colour == "std" else sigma**2 / 255)
        assert (shift == shift[:, :1, :1]).all()  # the same for all pixels
        assert shift[:, 0, 0].numpy() == pytest.approx(expected, rel=1e-5)

    def test_it_can_be_switched_off(self):
        assert not self.shifts("off", 10).any()

    def test_authors_own_statistics_give_the_same_sizes(self, shared_data):
        with np.load(shared_data / "krizhevsky_meta.npz") as meta:
            sigmas, axes = meta["color_pca_0_stdevs"][::-1], meta["color_pca_1_vecs"][:, ::-1]
        assert sigmas == pytest.approx(SIGMAS, rel=1e-6)
        assert np.abs((axes * AXES).sum(0)) == pytest.approx(1, abs=1e-6)
