"""Pictures of a trained network: which images are shown, what is drawn of them, Grad-CAM's sums."""

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from matplotlib.colors import to_hex
from PIL import Image

from alextrain.cli import main
from alextrain.device import choose_machine
from alextrain.figures import draw_gradcam, draw_maps, draw_neighbours
from alextrain.figures.page import ORANGE
from alextrain.reports.gallery import spread_over_classes
from alextrain.use.gradcam import grad_cam, last_relu
from alextrain.use.network import Network
from tests.alextrain.small_shards import SIZE, picture

ALL = {"kernels", "predictions", "neighbours", "mistakes", "confusion", "gradcam", "maps"}


def test_every_picture_is_drawn_and_named(checkpoint, shards, tmp_path):
    command = ["figures", str(checkpoint), str(shards), "--out", str(tmp_path / "f")]
    result = CliRunner().invoke(main, [*command, "--device", "cpu"])
    assert result.exit_code == 0, result.output
    said = (tmp_path / "f/pictures.txt").read_text()  # in a run's own folder `fit` has said of less
    assert said == f"Mistakes and confusion are of all images (val), after {checkpoint.name}."
    drawn = {path.stem for path in (tmp_path / "f").glob("*.png")}
    named = {line.rpartition("/")[2].removesuffix(".png") for line in result.output.splitlines()}
    assert drawn == named
    assert drawn in (ALL, ALL - {"mistakes"})  # none where all is right
    for path in (tmp_path / "f").glob("*.png"):
        with Image.open(path) as image:
            assert min(image.size) > 150


def test_without_shards_the_kernels_alone_are_drawn(checkpoint, tmp_path):
    command = ["figures", str(checkpoint), "--out", str(tmp_path / "f"), "--device", "cpu"]
    result = CliRunner().invoke(main, command)
    assert [path.name for path in (tmp_path / "f").iterdir()] == ["kernels.png"]
    assert "Name SHARDS for the pictures that need images." in result.output


def test_images_shown_are_of_as_many_classes_as_there_can_be():
    labels = np.repeat(np.arange(10, dtype=np.int32), 7)
    shuffled = np.random.default_rng(0).permutation(labels)
    chosen = spread_over_classes(shuffled, 5)
    assert len(set(chosen)) == 5
    assert len(set(shuffled[chosen].tolist())) == 5
    assert sorted(spread_over_classes(labels[:3], 8)) == [0, 1, 2]


def test_grad_cam_is_the_weighted_sum_of_the_last_maps(any_checkpoint):
    network = Network.load(any_checkpoint, choose_machine("cpu"))
    images = torch.from_numpy(np.stack([picture(i, SIZE) for i in range(3)]))
    targets = torch.tensor([2, 0, 1])
    found = grad_cam(network, images, targets)
    [view] = network.augmenter.views(images, 1)
    layers = list(network.model.features)
    after = layers.index(last_relu(network.model)) + 1
    maps = view
    for layer in layers[:after]:
        maps = layer(maps)
    maps = maps.detach().requires_grad_()
    rest = torch.nn.Sequential(*layers[after:], torch.nn.Flatten(), network.model.classifier)
    for i in range(3):
        [slope] = torch.autograd.grad(rest(maps)[i, targets[i]], maps, retain_graph=True)
        heat = (slope[i].mean((1, 2), keepdim=True) * maps[i]).sum(0).clamp_min(0).detach()
        if heat.max() > 0:
            heat = heat / heat.max()
        assert torch.allclose(found[i], heat, atol=1e-4)
    assert found.min() >= 0
    assert found.max() <= 1


def test_grad_cam_explains_the_first_guess_where_no_class_is_named(network):
    images = torch.from_numpy(np.stack([picture(i, SIZE) for i in range(3)]))
    [view] = network.augmenter.views(images, 1)
    with torch.inference_mode():
        best = network.model(view).argmax(1)
    assert torch.equal(grad_cam(network, images), grad_cam(network, images, best.clone()))
    assert not any(parameter.grad is not None for parameter in network.model.parameters())


def squares(*shape):
    return np.random.default_rng(0).integers(0, 256, (*shape, 8, 8, 3), dtype=np.uint8)


def test_neighbours_of_the_same_class_are_framed(tmp_path):
    theirs = np.array([[0, 1], [1, 1]])
    distances = np.array([[1.5, 2.25], [0.5, 3.0]], np.float32)
    figure = draw_neighbours(
        tmp_path / "x.png",
        (squares(2), [0, 1]),
        (squares(2, 2), theirs),
        distances,
        ["a$b", "dog, hound"],
        "title",
    )
    shown = [axes for axes in figure.axes if axes.images]
    framed = [
        axes.get_title()
        for axes in shown
        if axes.spines["left"].get_visible()
        and to_hex(axes.spines["left"].get_edgecolor()) == ORANGE.lower()
    ]
    assert [axes.get_title() for axes in shown] == ["a$b", "a$b", "dog", "dog", "dog", "dog"]
    assert framed == ["a$b", "dog", "dog"]
    assert [axes.get_xlabel() for axes in shown] == ["", "1.50", "2.25", "", "0.50", "3.00"]


def test_heat_covers_the_picture_and_maps_are_the_strongest(tmp_path):
    heats = np.random.default_rng(1).random((3, 2, 2)).astype(np.float32)
    guesses = ["a", "b", "c"]
    figure = draw_gradcam(tmp_path / "g.png", squares(3), heats, guesses, [0.5, 0.25, 1], guesses)
    covered = [axes for axes in figure.axes if len(axes.images) == 2]
    assert [axes.get_title() for axes in covered] == [
        "guess: a 50%",
        "guess: b 25%",
        "guess: c 100%",
    ]
    assert covered[0].images[1].get_extent() == pytest.approx((-0.5, 7.5, 7.5, -0.5))
    maps = np.stack([np.full((2, 2), level, np.float32) for level in (1, 9, 4)])
    figure = draw_maps(tmp_path / "m.png", squares(1)[0], "dog", [("conv1", maps)])
    shown = [axes.images[0].get_array()[0, 0] for axes in figure.axes if axes.images][1:]
    assert shown == [9, 4, 1]
    labels = [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()]
    assert labels == ["conv1\n3 of 2x2"]
