import numpy as np
import pytest
import torch
from torch.nn import functional as F

from alexprep.shards.statistics import Statistics
from alextrain.data.augment import CHUNK, Augmenter, view_places
from alextrain.data.boxes import cut_by_index, cut_by_slices, resize_boxes
from alextrain.data.draws import Augmentation, Draws, draw_batch
from alextrain.errors import RecipeError

CPU = torch.device("cpu")
SIZE, CROP, COUNT = 40, 29, 2 * CHUNK + 3
# The authors' principal axes of ILSVRC-2012 (rows R, G, B) and standard deviations along them.
AXES = np.array(
    [
        [-0.5635104535, -0.7125794529, 0.4179551317],
        [-0.5761843966, -0.0235416713, -0.8169806184],
        [-0.5920029644, 0.7011963442, 0.3973111842],
    ]
)
SIGMAS = np.array([121.78006099293066, 37.09388853298572, 19.720833049149668])
BASIS = AXES * SIGMAS
MEAN, STD = np.array([120.5, 118.25, 104.0]), np.array([70.0, 64.0, 72.5])


@pytest.fixture(scope="module")
def images():
    draw = np.random.default_rng(0)
    return torch.from_numpy(draw.integers(0, 256, (COUNT, SIZE, SIZE, 3), dtype=np.uint8))


@pytest.fixture(scope="module")
def mean_image():
    return np.random.default_rng(1).uniform(90, 140, (SIZE, SIZE, 3)).astype(np.float32)


def draws_for(augmentation, size=SIZE, count=COUNT):
    return draw_batch(augmentation, size, 11, 3, 1000, count)


def one_draw(top=0.0, left=0.0, height=CROP, width=CROP, *, flip=False, colour=(0, 0, 0)):
    return Draws(torch.tensor([[top, left, height, width, flip, *colour]], dtype=torch.float32))


def reference(image, draw, mean, std=None, shift=0.0):
    """One image [S, S, 3] by one row of draws, cut only; plain numpy in float64."""
    top, left, height, width = (int(value) for value in draw[:4])
    mean = np.broadcast_to(np.asarray(mean, np.float64), image.shape)
    levels = np.asarray(image, np.float64) - mean
    box = levels[top : top + height, left : left + width] + shift
    box = box[:, ::-1] if draw[4] else box
    return (box if std is None else box / std).transpose(2, 0, 1)


def bilinear(box, size):
    """Resize a box [h, w, 3] to [size, size, 3], pixel by pixel, centres at one half."""
    out = np.empty((size, size, 3))
    height, width = box.shape[:2]
    for i in range(size):
        y = min(max((i + 0.5) * height / size - 0.5, 0), height - 1)
        above, below = int(y), min(int(y) + 1, height - 1)
        for j in range(size):
            x = min(max((j + 0.5) * width / size - 0.5, 0), width - 1)
            left, right = int(x), min(int(x) + 1, width - 1)
            first = box[above, left] * (1 - x % 1) + box[above, right] * (x % 1)
            second = box[below, left] * (1 - x % 1) + box[below, right] * (x % 1)
            out[i, j] = first * (1 - y % 1) + second * (y % 1)
    return out


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
