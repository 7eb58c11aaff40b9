"""Pictures say what the numbers say: assertions are on what was drawn, and on the file's pixels."""

import math

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from alexprep.errors import DiskError
from alextrain.figures import draw_confusion, draw_curves, draw_kernels, draw_mistakes
from alextrain.figures.curves import rate_drops
from alextrain.figures.page import ORANGE, SKY


def run(rates, validated=True):
    """Epochs with these rates; the numbers tell epoch and name apart."""
    names = ["loss", "top1_error", "top5_error"]
    return [
        {"epoch": epoch, "rate": rate}
        | {f"train_{name}": 0.9 / epoch + 0.01 * i for i, name in enumerate(names)}
        | {f"val_{name}": 0.8 / epoch + 0.01 * i for i, name in enumerate(names) if validated}
        for epoch, rate in enumerate(rates, 1)
    ]


def lines(axes, gid):
    return [line for line in axes.get_lines() if line.get_gid() == gid]


def texts(axes):
    return [text.get_text() for text in axes.texts]


def pixels(path):
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


def test_curves_hold_every_known_number(tmp_path):
    epochs = run([0.01] * 4)
    loss, error, rate = draw_curves(tmp_path / "c.png", epochs, 10).axes
    for axes, name in (
        (loss, "train_loss"),
        (loss, "val_loss"),
        (error, "train_top1_error"),
        (error, "val_top1_error"),
        (error, "train_top5_error"),
        (error, "val_top5_error"),
        (rate, "rate"),
    ):
        (line,) = lines(axes, name)
        assert line.get_xdata().tolist() == [1, 2, 3, 4]
        assert line.get_ydata().tolist() == [row[name] for row in epochs]


def test_the_loss_of_guessing_is_marked(tmp_path):
    loss = draw_curves(tmp_path / "c.png", run([0.01] * 3), 1000).axes[0]
    (line,) = lines(loss, "chance")
    assert line.get_ydata() == pytest.approx([math.log(1000)] * 2)
    assert "guessing: ln 1,000 = 6.91" in [t.get_text() for t in loss.get_legend().get_texts()]


def test_rates_of_steps_show_what_lies_between_epochs(tmp_path):
    rates = [(0.1, 0.001), (0.2, 0.002), (2.0, 0.01)]
    panel = draw_curves(tmp_path / "c.png", run([0.01, 0.01]), 10, rates=rates).axes[2]
    (line,) = [line for line in panel.lines if line.get_gid() == "rate"]
    assert line.get_xydata().tolist() == [list(pair) for pair in rates]


def test_each_drop_of_the_rate_is_marked_in_each_panel(tmp_path):
    rates = [0.01, 0.01, 0.01, 0.001, 0.001, 0.0001]
    for axes in draw_curves(tmp_path / "c.png", run(rates), 10).axes:
        assert [line.get_xdata()[0] for line in lines(axes, "drop")] == [3, 5]


@pytest.mark.parametrize(
    ("rates", "drops"),
    [
        ([0.1, 0.1, 0.01], [2]),
        ([0.1, 0.01, 0.01], [1]),
        ([0.1, 0.1, 0.01, 0.01, 0.001], [2, 4]),
        ([0.01, 0.1, 0.1, 0.1], []),  # warm-up
        ([0.1] * 5, []),
        ([0.05 * (1 + math.cos(math.pi * e / 12)) for e in range(1, 13)], []),
        ([0.1], []),
        ([], []),
    ],
)
def test_a_drop_is_a_fall_from_level_to_level(rates, drops):
    assert rate_drops(run(rates)) == drops


def test_curves_without_validation_show_training_alone(tmp_path):
    loss, error, _ = draw_curves(tmp_path / "c.png", run([0.1, 0.1], validated=False), 10).axes
    assert lines(loss, "train_loss")
    assert not lines(loss, "val_loss")
    assert not lines(error, "val_top1_error")


def test_an_epoch_whose_loss_was_no_number_is_left_out(tmp_path):
    epochs = run([0.1] * 3)
    epochs[1]["val_loss"] = None
    (line,) = lines(draw_curves(tmp_path / "c.png", epochs, 10).axes[0], "val_loss")
    assert line.get_xdata().tolist() == [1, 3]


def test_the_file_of_the_curves_is_a_picture_of_eight_by_nine_inches(tmp_path):
    draw_curves(tmp_path / "c.png", run([0.1] * 3), 10)
    image = pixels(tmp_path / "c.png")
    assert image.shape == (1080, 960, 3)
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 50


def kernels(count):
    return np.random.default_rng(1).normal(0, 0.01, (count, 3, 11, 11)).astype(np.float32)


@pytest.mark.parametrize(
    ("count", "groups", "shape"), [(96, 2, (35, 191)), (24, 2, (11, 143)), (64, 1, (47, 191))]
)
def test_kernels_lie_in_rows_of_sixteen_each_group_apart(tmp_path, count, groups, shape):
    figure = draw_kernels(tmp_path / "k.png", kernels(count), groups)
    assert len(figure.axes) == groups
    for axes in figure.axes:
        assert axes.get_images()[0].get_array().shape == (*shape, 3)
    names = [axes.get_title() for axes in figure.axes]
    half = f"{count // groups} kernels of 11x11"
    assert names == ([f"half 1: {half}", f"half 2: {half}"] if groups == 2 else [half])


def test_each_kernel_fills_its_own_scale_around_grey(tmp_path):
    weight = kernels(8) * np.logspace(-6, 6, 8, dtype=np.float32).reshape(8, 1, 1, 1)
    weight[5] = 0  # a dead one
    mosaic = draw_kernels(tmp_path / "k.png", weight, 1).axes[0].get_images()[0].get_array()
    for number in range(8):
        tile = mosaic[:, 12 * number : 12 * number + 11] - 0.5
        strongest = 0 if number == 5 else 0.5
        assert np.abs(tile).max() == pytest.approx(strongest, abs=1e-6)
        there = weight[number].transpose(1, 2, 0)
        assert (np.sign(tile) == np.sign(there)).all()  # red is red, up is up
    assert (mosaic[:, 11] == 1).all()


def test_a_kernel_of_the_second_half_is_drawn_in_the_second_half(tmp_path):
    weight = np.zeros((4, 3, 11, 11), np.float32)
    weight[3, 0, 2, 7] = 1
    first, second = draw_kernels(tmp_path / "k.png", weight, 2).axes
    assert np.ptp(first.get_images()[0].get_array()[:, :11]) == 0
    assert second.get_images()[0].get_array()[2, 12 + 7].tolist() == [1, 0.5, 0.5]


NAMES = [f"class {i}, class the {i}th" for i in range(1000)]


def confusions(classes):
    """Ten images of each class, all right but for those of the test."""
    return np.eye(classes, dtype=np.int64) * 10


def test_a_small_matrix_shows_names_numbers_and_shares(tmp_path):
    matrix = confusions(10)
    matrix[2, 7] = 30
    axes, bar = draw_confusion(tmp_path / "m.png", matrix, NAMES[:10]).axes
    assert bar.get_ylabel() == "share of the class"
    places = {text.get_position(): text.get_text() for text in axes.texts}
    assert places == {(i, i): "10" for i in range(10)} | {(7, 2): "30"}
    shares = axes.get_images()[0].get_array()
    assert (shares[2, 2], shares[2, 7], shares[3, 3], shares[3, 0]) == (0.25, 0.75, 1, 0)
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        f"class {i}" for i in range(10)
    ]
    assert axes.get_xlabel() == "first guess"
    assert axes.get_title() == "100 of 130 images right (76.9%)"
    assert pixels(tmp_path / "m.png").shape == (948, 948, 3)


def test_a_large_matrix_lists_the_worst_pairs_first(tmp_path):
    matrix = confusions(1000)
    matrix[998, 3], matrix[4, 999], matrix[5, 6] = 40, 90, 10
    axes, beside, _ = draw_confusion(tmp_path / "m.png", matrix, NAMES).axes
    (listed,) = texts(beside)
    assert [" ".join(line.split()) for line in listed.splitlines()] == [
        "90 90% class 4 → class 999",
        "40 80% class 998 → class 3",
        "10 50% class 5 → class 6",
    ]
    assert axes.get_title() == "10,000 of 10,140 images right (98.6%)"


def test_each_of_a_thousand_classes_has_its_own_pixel(tmp_path):
    axes = draw_confusion(tmp_path / "m.png", confusions(1000), NAMES).axes[0]
    height, width = pixels(tmp_path / "m.png").shape[:2]
    box = axes.get_position()
    assert box.height * height >= 1000
    assert box.width * width >= 1000


def test_classes_without_images_and_names_that_look_like_maths_can_be_drawn(tmp_path):
    matrix = confusions(3)
    matrix[1] = 0
    axes, _ = draw_confusion(tmp_path / "m.png", matrix, ["a$b", "$c_{$", "\\frac"]).axes
    assert axes.get_images()[0].get_array()[1].tolist() == [0, 0, 0]


def mistakes(count, guesses=5):
    images = np.zeros((count, 32, 32, 3), np.uint8)
    images[np.arange(count), 0, 0, 0] = np.arange(count) + 1
    table = np.tile(np.arange(guesses), (count, 1))
    shares = np.tile(np.linspace(0.5, 0.1, guesses, dtype=np.float32), (count, 1))
    return images, table, shares


def test_each_mistake_shows_its_image_truth_and_guesses_the_truth_in_orange(tmp_path):
    images, guesses, shares = mistakes(6)
    truths = np.array([2, 9, 4, 1, 3, 9])  # 9 is not among the guesses
    figure = draw_mistakes(tmp_path / "f.png", images, truths, guesses, shares, NAMES)
    pictures = [axes for axes in figure.axes if axes.get_images()]
    bars = [axes for axes in figure.axes if axes.patches]
    assert [axes.get_title() for axes in pictures] == [f"class {t}" for t in truths]
    assert [int(axes.get_images()[0].get_array()[0, 0, 0]) for axes in pictures] == [*range(1, 7)]
    for axes, truth in zip(bars, truths, strict=True):
        colours = [to_hex(bar.get_facecolor()).upper() for bar in axes.patches[5:]]
        assert colours == [ORANGE if guess == truth else SKY for guess in range(5)]
        widths = [bar.get_width() for bar in axes.patches[5:]]
        assert widths == pytest.approx([0.5, 0.4, 0.3, 0.2, 0.1])
        assert texts(axes)[:4] == ["class 0", "50%", "class 1", "40%"]
    assert pixels(tmp_path / "f.png").shape == (1020, 1296, 3)


@pytest.mark.parametrize(("count", "guesses"), [(1, 2), (4, 5), (9, 3)])
def test_any_number_of_mistakes_and_classes_can_be_drawn(tmp_path, count, guesses):
    images, table, shares = mistakes(count, guesses)
    names = ["$x_{$", "$y_{$", *NAMES[:3]]
    truths = np.zeros(count, np.int64)
    figure = draw_mistakes(tmp_path / "f.png", images, truths, table, shares, names)
    assert sum(bool(axes.get_images()) for axes in figure.axes) == count
    assert pixels(tmp_path / "f.png").shape[1] == 324 * min(count, 4)


def test_a_long_name_is_cut_to_its_first_part():
    from alextrain.figures.page import short

    assert short("tench, Tinca tinca", 20) == "tench"
    assert short("black-footed ferret of the west", 12) == "black-foote…"


def test_a_picture_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(DiskError, match=r"nowhere/k\.png: cannot be written"):
        draw_kernels(tmp_path / "nowhere" / "k.png", kernels(4), 2)
