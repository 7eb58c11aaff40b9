import numpy as np
import pytest
import torch
from torch.nn import functional as F

from alexprep.shards.statistics import Statistics
from alextrain.data.augment import CHUNK, Augmenter
from alextrain.data.boxes import cut_by_index, cut_by_slices, resize_boxes
from alextrain.data.draws import Augmentation, Draws
from alextrain.errors import RecipeError

from .augmented import (
    BASIS,
    COUNT,
    CPU,
    CROP,
    MEAN,
    SIZE,
    STD,
    bilinear,
    draws_for,
    one_draw,
    reference,
)


class TestCrops:
    @pytest.mark.parametrize("crops", ["random", "centre"])
    def test_mean_image_is_subtracted_at_the_crops_own_place(self, images, mean_image, crops):
        augmentation = Augmentation(CROP, crops=crops, colour="off")
        draws = draws_for(augmentation)
        assert crops == "centre" or len(draws.top.unique()) > 5
        assert 0 < draws.flip.sum() < COUNT
        ours = Augmenter(augmentation, mean_image, None, BASIS, CPU)(images, draws)
        rows = draws.table.numpy()
        expected = [reference(i, row, mean_image) for i, row in zip(images, rows, strict=True)]
        assert ours.shape == (COUNT, 3, CROP, CROP)
        assert np.abs(ours.numpy() - np.stack(expected)).max() < 2e-5

    def test_the_mean_image_of_a_set_of_itself_leaves_nothing(self, mean_image):
        whole = np.rint(mean_image)
        images = torch.from_numpy(whole.astype(np.uint8)).expand(COUNT, -1, -1, -1).contiguous()
        augmentation = Augmentation(CROP, colour="off")
        ours = Augmenter(augmentation, whole, None, BASIS, CPU)(images, draws_for(augmentation))
        assert not ours.any()

    def test_channels_can_be_put_on_one_scale(self, images):
        augmentation = Augmentation(CROP)
        draws = draws_for(augmentation)
        ours = Augmenter(augmentation, MEAN, STD, BASIS, CPU)(images, draws)
        rows = draws.table.numpy()
        expected = [
            reference(image, row, MEAN, STD, 0.1 * BASIS @ row[5:8])
            for image, row in zip(images, rows, strict=True)
        ]
        assert np.abs(ours.numpy() - np.stack(expected)).max() < 2e-6

    @pytest.mark.parametrize("mean", ["image", "channels"])
    def test_both_ways_of_cutting_give_the_same_bits(self, images, mean_image, mean):
        mean = torch.from_numpy(mean_image) if mean == "image" else torch.tensor(MEAN).float()
        for crop in (1, CROP, SIZE):
            draws = draws_for(Augmentation(crop))
            slices = cut_by_slices(images, mean, draws, crop)
            index = cut_by_index(images, mean, draws, crop)
            assert torch.equal(slices, index)
            assert slices.shape == (COUNT, crop, crop, 3)

    @pytest.mark.parametrize(("flip", "column"), [(False, 5), (True, CROP - 1 - 5)])
    def test_a_bright_pixel_goes_where_it_should(self, flip, column):
        image = torch.zeros(1, SIZE, SIZE, 3, dtype=torch.uint8)
        image[0, 10, 12, 1] = 255
        augmentation = Augmentation(CROP, colour="off")
        augmenter = Augmenter(augmentation, np.zeros(3), None, BASIS, CPU)
        ours = augmenter(image, one_draw(top=3, left=7, flip=flip))
        assert ours.nonzero().tolist() == [[0, 1, 7, column]]

    @pytest.mark.parametrize("count", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1])
    @pytest.mark.parametrize("crops", ["random", "resized"])
    def test_the_batch_size_changes_nothing(self, images, mean_image, crops, count):
        augmentation = Augmentation(CROP, crops=crops)
        draws = draws_for(augmentation)
        augmenter = Augmenter(augmentation, mean_image, None, BASIS, CPU)
        part = augmenter(images[:count], Draws(draws.table[:count]))
        assert torch.equal(part, augmenter(images, draws)[:count])
        assert part.is_contiguous(memory_format=torch.channels_last)

    def test_nothing_is_random_and_the_images_stay_as_they_are(self, images, mean_image):
        augmentation = Augmentation(CROP, crops="resized")
        augmenter = Augmenter(augmentation, mean_image, None, BASIS, CPU)
        before, state = images.clone(), torch.get_rng_state()
        first = augmenter(images, draws_for(augmentation))
        assert torch.equal(first, augmenter(images, draws_for(augmentation)))
        assert torch.equal(images, before)
        assert torch.equal(torch.get_rng_state(), state)


class TestResized:
    AUGMENTATION = Augmentation(CROP, crops="resized", scale=(0.2, 1.0), colour="off")

    @pytest.mark.parametrize("mean", ["image", "channels"])
    def test_boxes_are_resized_like_a_reference(self, images, mean_image, mean):
        mean = mean_image if mean == "image" else MEAN
        draws = draws_for(self.AUGMENTATION)
        assert 0 < draws.flip.sum() < COUNT
        ours = Augmenter(self.AUGMENTATION, mean, None, BASIS, CPU)(images, draws)
        for image, row, result in zip(images, draws.table.numpy(), ours, strict=True):
            box = reference(image, row, mean).transpose(1, 2, 0)
            expected = bilinear(box, CROP).transpose(2, 0, 1)
            assert np.abs(result.numpy() - expected).max() < 0.02

    def test_boxes_are_resized_like_torch_does_it(self, images):
        levels = images.permute(0, 3, 1, 2).float()
        draws = draws_for(self.AUGMENTATION)
        ours = resize_boxes(levels, draws, CROP)
        for level, row, result in zip(levels, draws.table, ours, strict=True):
            top, left, height, width, flip = row[:5].int().tolist()
            box = level[None, :, top : top + height, left : left + width]
            box = F.interpolate(box, (CROP, CROP), mode="bilinear", align_corners=False)[0]
            assert (result - (box.flip(2) if flip else box)).abs().max() < 0.02

    def test_a_box_of_the_crops_size_is_a_plain_crop(self, images):
        draws = draws_for(Augmentation(CROP))
        resized = resize_boxes(images.permute(0, 3, 1, 2).float(), draws, CROP)
        plain = cut_by_slices(images, torch.zeros(3), draws, CROP)
        assert (resized.permute(0, 2, 3, 1) - plain).abs().max() < 0.01

    def test_nothing_outside_of_the_box_is_seen(self):
        levels = torch.full((1, 3, SIZE, SIZE), 255.0)
        levels[:, :, 5:22, 8:19] = 100
        ours = resize_boxes(levels, one_draw(5, 8, 17, 11), CROP)
        assert (ours - 100).abs().max() < 0.01

    def test_what_lies_between_the_points_of_a_small_crop_is_averaged(self):
        levels = torch.zeros(1, 3, SIZE, SIZE)
        levels[:, :, :, ::4] = 255
        levels[:, :, 1::4] = 0
        small = resize_boxes(levels, one_draw(0, 0, SIZE, SIZE), SIZE // 4)
        assert (small - 255 / 4 * 3 / 4).abs().max() < 0.01


class TestFromStatistics:
    @pytest.fixture
    def statistics(self):
        draw = np.random.default_rng(2)
        pixels = draw.integers(0, 256, (5, 8, 8, 3)).astype(np.int64)
        flat = pixels.reshape(-1, 3)
        return Statistics(5, pixels.sum(0), flat.T @ flat, "f" * 64, "train")

    def test_mean_image_is_the_papers_input(self, statistics):
        augmentation = Augmentation(8, crops="centre", flip=False, colour="off")
        black = torch.zeros(1, 8, 8, 3, dtype=torch.uint8)
        augmenter = Augmenter.of(augmentation, statistics, "mean-image", CPU)
        ours = augmenter(black, draws_for(augmentation, 8, 1))
        expected = -statistics.mean_image.transpose(2, 0, 1)
        assert np.array_equal(ours[0].numpy(), expected)

    def test_mean_std_and_the_colour_basis_come_from_the_same_sums(self, statistics):
        augmentation = Augmentation(8, crops="centre", flip=False)
        black = torch.zeros(1, 8, 8, 3, dtype=torch.uint8)
        augmenter = Augmenter.of(augmentation, statistics, "mean-std", CPU)
        ours = augmenter(black, one_draw(0, 0, 8, 8, colour=(1, 0, 0)))[0, :, 3, 3]
        shift = 0.1 * statistics.eigenvectors[:, 0] * statistics.eigenvalues[0] ** 0.5
        expected = (shift - statistics.channel_mean) / statistics.channel_std
        assert ours.numpy() == pytest.approx(expected, rel=1e-5)

    def test_images_without_any_spread_give_zeros_not_infinities(self):
        sums = np.full((8, 8, 3), 2 * 50, np.int64)
        flat = Statistics(2, sums, np.full((3, 3), 128 * 2500, np.int64), "f" * 64, "train")
        augmentation = Augmentation(8, colour="off")
        augmenter = Augmenter.of(augmentation, flat, "mean-std", CPU)
        grey = torch.full((1, 8, 8, 3), 50, dtype=torch.uint8)
        assert not augmenter(grey, one_draw(0, 0, 8, 8)).any()


class TestErrors:
    def test_a_mean_image_of_another_size_is_refused_with_both_sizes(self, images):
        augmenter = Augmenter(Augmentation(20), np.zeros((24, 24, 3)), None, BASIS, CPU)
        words = "the mean image is 24x24 pixels, the images are 40x40"
        with pytest.raises(RecipeError, match=words):
            augmenter(images, draws_for(Augmentation(20)))
        with pytest.raises(RecipeError, match=words):
            next(augmenter.views(images))

    def test_a_crop_larger_than_the_images_is_refused(self, images):
        augmenter = Augmenter(Augmentation(64), MEAN, STD, BASIS, CPU)
        with pytest.raises(RecipeError, match="crop 64 does not fit into the 40x40 images"):
            next(augmenter.views(images))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize(("crops", "tolerance"), [("random", 0), ("centre", 0), ("resized", 0.05)])
def test_the_gpu_makes_the_same_batch(images, mean_image, crops, tolerance):
    device = torch.device("cuda")
    augmentation = Augmentation(CROP, crops=crops)
    draws = draws_for(augmentation)
    ours = Augmenter(augmentation, mean_image, None, BASIS, CPU)(images, draws)
    gpu = Augmenter(augmentation, mean_image, None, BASIS, device)
    theirs = gpu(images.to(device), Draws(draws.table.to(device)))
    assert theirs.is_contiguous(memory_format=torch.channels_last)
    assert (ours - theirs.cpu()).abs().max() <= tolerance
