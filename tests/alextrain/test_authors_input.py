"""The input of recipe `authors`, image by image, against the authors' program in plain numpy."""

import numpy as np
import pytest
import torch

from alexprep.shards.statistics import Statistics
from alextrain.data.augment import Augmenter
from alextrain.data.draws import Augmentation, draw_batch
from alextrain.device import choose_machine
from alextrain.recipes.recipe import load_recipe
from alextrain.training.setup import make_augmenter

SIZE, CROP, COUNT, START = 40, 32, 75, 1000
MACHINE = choose_machine("cpu")
CODED = Augmentation(CROP, colour="std", colour_divides=True, crops_shared=32)


@pytest.fixture(scope="module")
def images():
    draw = np.random.default_rng(0)
    return torch.from_numpy(draw.integers(0, 256, (COUNT, SIZE, SIZE, 3), dtype=np.uint8))


@pytest.fixture(scope="module")
def statistics():
    draw = np.random.default_rng(3)
    pixels = draw.integers(0, 256, (9, SIZE, SIZE, 3)).astype(np.int64)
    pixels[..., 1] = (pixels[..., 0] + pixels[..., 1]) // 2  # colours that belong together
    flat = pixels.reshape(-1, 3)
    return Statistics(9, pixels.sum(0), flat.T @ flat, "f" * 64, "train")


def as_coded(image, place, statistics, *, flip=False, colour=0, coefficient=0):
    """One image as convdata_jpeg.py makes it: float64 [3, c, c].

    Crop, mirror, less the centre of the mean, plus 0.1 noise, all divided by 1.1.
    """
    top, left = place
    crop = image[top : top + CROP, left : left + CROP].astype(np.float64)
    crop = crop[:, ::-1] if flip else crop
    border = (SIZE - CROP) // 2
    mean = statistics.mean_image[border : border + CROP, border : border + CROP]
    result = crop - mean
    if coefficient > 0:
        deviations = np.sqrt(statistics.eigenvalues)
        noise = statistics.eigenvectors @ (deviations * colour)
        result = (result + coefficient * noise) / (1 + coefficient)
    return result.transpose(2, 0, 1)


@pytest.mark.parametrize("shift", [True, False])
def test_every_image_is_what_the_authors_program_makes_of_it(images, statistics, shift):
    draws = draw_batch(CODED, SIZE, 11, 3, START, COUNT)
    firsts = [(START + i) // 32 * 32 for i in range(COUNT)]
    alone = Augmentation(CROP)
    ours = Augmenter.of(CODED, statistics, "mean-centre", MACHINE.device)(
        images, draws, shift=shift
    )
    for i, first in enumerate(firsts):
        box = draw_batch(alone, SIZE, 11, 3, first, 1).table[0].numpy()
        own = draw_batch(alone, SIZE, 11, 3, START + i, 1).table[0].numpy()
        place, flip = (int(box[0]), int(box[1])), bool(box[4])
        expected = as_coded(
            images[i].numpy(),
            place,
            statistics,
            flip=flip,
            colour=own[5:8],
            coefficient=0.1 if shift else 0,
        )
        assert np.abs(ours[i].numpy() - expected).max() < 3e-5


def test_a_batch_of_128_has_four_crops_and_128_colours():
    draws = draw_batch(CODED, 256, 0, 0, 128 * 7, 128)
    boxes = {tuple(row[:5].tolist()) for row in draws.table}
    assert len(boxes) == 4
    assert len({tuple(row[5:].tolist()) for row in draws.table}) == 128


@pytest.mark.parametrize("cut", [1, 31, 32, 33])
def test_shared_crops_do_not_depend_on_how_the_epoch_is_cut(cut):
    whole = draw_batch(CODED, SIZE, 5, 2, 20, 70).table
    parts = [
        draw_batch(CODED, SIZE, 5, 2, 20, cut),
        draw_batch(CODED, SIZE, 5, 2, 20 + cut, 70 - cut),
    ]
    assert torch.equal(torch.cat([part.table for part in parts]), whole)


def test_there_are_33_places_a_side_and_two_mirrors():
    """33 x 33 x 2 = 2,178 pictures of each image, where the paper counts 2,048."""
    recipe = load_recipe("authors")
    draws = draw_batch(Augmentation(recipe.input.crop), 256, 0, 0, 0, 40_000)
    for places in (draws.top, draws.left):
        counts = torch.bincount(places.long())
        assert len(counts) == 33
        assert counts.min() > 40_000 / 33 * 0.85
    assert set(draws.flip.tolist()) == {True, False}


def test_the_centre_of_the_mean_is_neither_moved_nor_mirrored(statistics):
    black = torch.zeros(64, SIZE, SIZE, 3, dtype=torch.uint8)
    plain = Augmentation(CROP, colour="off")
    draws = draw_batch(plain, SIZE, 0, 0, 0, 64)
    assert len(set(draws.top.tolist())) > 3
    ours = Augmenter.of(plain, statistics, "mean-centre", MACHINE.device)(black, draws)
    assert (ours == ours[:1]).all()
    moved = Augmenter.of(plain, statistics, "mean-image", MACHINE.device)(black, draws)
    assert not (moved == moved[:1]).all()


def test_divided_shifts_have_the_size_that_follows_from_the_authors_statistics():
    """0.1 times their deviations, over 1.1: 11.071, 3.372 and 1.793 levels along the axes."""
    sigmas = np.array([121.78006099293066, 37.09388853298572, 19.720833049149668])
    augmentation = Augmentation(1, colour_divides=True)
    grey = torch.zeros(20_000, 1, 1, 3, dtype=torch.uint8)
    draws = draw_batch(augmentation, 1, 0, 0, 0, 20_000)
    augmenter = Augmenter(augmentation, np.zeros(3), None, np.diag(sigmas), MACHINE.device)
    deviations = augmenter(grey, draws)[:, :, 0, 0].double().std(0)
    assert deviations.tolist() == pytest.approx([11.071, 3.372, 1.793], rel=0.02)


def test_views_have_no_colours_shifted_and_nothing_divided(images, statistics):
    coded = Augmenter.of(CODED, statistics, "mean-centre", MACHINE.device)
    (view,) = coded.views(images[:1])
    expected = as_coded(images[0].numpy(), (4, 4), statistics)
    assert np.abs(view[0].numpy() - expected).max() < 1e-5


def test_the_recipe_makes_this_input(images, statistics):
    recipe = load_recipe("authors", {"crop": CROP})
    augmenter = make_augmenter(recipe, statistics, MACHINE)
    assert augmenter.augmentation == CODED
    draws = draw_batch(CODED, SIZE, 1, 0, 0, COUNT)
    expected = Augmenter.of(CODED, statistics, "mean-centre", MACHINE.device)(images, draws)
    assert torch.equal(augmenter(images, draws), expected)


def test_resized_crops_take_the_centre_of_the_mean_too(images, statistics):
    resized = Augmentation(CROP, crops="resized", colour="off")
    draws = draw_batch(resized, SIZE, 1, 0, 0, COUNT)
    ours = Augmenter.of(resized, statistics, "mean-centre", MACHINE.device)(images, draws)
    zero = Augmenter(resized, np.zeros(3), None, np.eye(3), MACHINE.device)(images, draws)
    middle = torch.from_numpy(statistics.mean_image[4:36, 4:36]).permute(2, 0, 1)
    torch.testing.assert_close(ours, zero - middle)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_the_gpu_makes_the_same_batch(images, statistics):
    draws = draw_batch(CODED, SIZE, 1, 0, 0, COUNT)
    cpu = Augmenter.of(CODED, statistics, "mean-centre", MACHINE.device)(images, draws)
    gpu = Augmenter.of(CODED, statistics, "mean-centre", torch.device("cuda"))
    moved = type(draws)(draws.table.cuda())
    assert torch.equal(gpu(images.cuda(), moved).cpu(), cpu)
