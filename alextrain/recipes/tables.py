"""The tables of a recipe: every key, its type, what it may be, and its default."""

from __future__ import annotations

from dataclasses import dataclass

from alextrain.errors import RecipeError
from alextrain.recipes.section import (
    Section,
    above,
    at_least,
    between,
    nothing_or,
    one_of,
    rising,
    share,
    span,
)

__all__ = ["INITS", "MODELS", "PLAIN", "Distortions", "Input", "Network", "Optimiser", "Schedule"]

MODELS = (
    "paper",
    "authors",
    "one-tower",
    "half",
    "six-conv",
    "caffe",
    "caffenet",
    "torchvision",
    "quick",
    "small",
)
INITS = ("paper", "authors", "caffe", "caffenet", "he", "torch")


@dataclass(frozen=True, slots=True)
class Network(Section):
    """Which net, how wide, and how it starts."""

    model: str = one_of(*MODELS)  # models/designs.py says what each is
    width: float = between(0.001, 100, default=1.0)  # fraction of the kernels of each layer
    dropout: float = share(default=0.5)
    init: str = one_of(*INITS, default="paper")  # see init.py
    # what the model has by itself, or one choice in its place: see models/designs.py
    border: str = one_of("model", "none", "right-bottom", "around", default="model")
    lrn: str = one_of("model", "printed", "coded", "caffe", "off", default="model")
    pools: str = one_of("overlapping", "disjoint", default="overlapping")
    links: bool = True  # between the halves, at conv3, fc6 and fc7


@dataclass(frozen=True, slots=True)
class Input(Section):
    """What the net is shown: which part of the image, in which colours, on which scale."""

    crop: int = at_least(1)  # side of the square that the net sees, in pixels
    # the mean image at the crop's place, its centre for all crops, channel mean and deviation, or
    # levels / 255
    normalise: str = one_of("mean-image", "mean-centre", "mean-std", "unit")
    crops: str = one_of("random", "resized", "centre", default="random")
    flip: bool = True
    crops_shared: int = at_least(1, default=1)  # images in a row that share place and mirror
    scale: tuple[float, ...] = span(default=(0.35, 1.0))  # share of the area, for "resized"
    ratio: tuple[float, ...] = span(default=(3 / 4, 4 / 3))  # width / height, for "resized"
    colour: str = one_of("std", "lambda", "off", default="std")  # see augment.py
    colour_scale: float = above(0, default=0.1)  # standard deviation of alpha, section 4.1
    colour_epochs: int = at_least(0, default=0)  # so many with shifted colours; 0: all
    colour_divides: bool = False  # divide what is shifted by 1 + colour_scale, as was coded


@dataclass(frozen=True, slots=True)
class Distortions(Section):
    """What training images go through beyond the paper, each by its own draw; see data/distort.py.

    Erased are boxes of 2 to 33 % of the input. Mixup and cutmix weigh each image and its neighbour
    by Beta(a, a); with both, each image has one of the two.
    """

    rotation: float = between(0, 180, default=0.0)  # degrees to either side
    brightness: float = between(0, 1, default=0.0)  # factors from 1 - this to 1 + this
    contrast: float = between(0, 1, default=0.0)
    saturation: float = between(0, 1, default=0.0)
    hue: float = between(0, 0.5, default=0.0)  # part of the circle to either side
    erasing: float = between(0, 1, default=0.0)  # share of the images
    mixup: float = nothing_or(0.001, 100, default=0.0)  # a; 0: none
    cutmix: float = nothing_or(0.001, 100, default=0.0)  # a; 0: none

    @property
    def any(self) -> bool:
        """Whether anything is distorted."""
        return self != PLAIN

    @property
    def jitters(self) -> bool:
        """Whether colours are changed."""
        return bool(self.brightness or self.contrast or self.saturation or self.hue)

    @property
    def mixes(self) -> bool:
        """Whether images are mixed, and labels with them."""
        return bool(self.mixup or self.cutmix)


PLAIN = Distortions()


@dataclass(frozen=True, slots=True)
class Optimiser(Section):
    """How weights follow their gradients; see optimiser.py.

    "sgd" has momentum and decay as the paper has them. "adam" and "adamw" take `momentum` for their
    first beta (0.999 is the second); decay is added to the gradient, or, by "adamw", kept apart.
    """

    lr: float = above(0)
    update: str = one_of("sgd", "adam", "adamw", default="sgd")
    momentum: float = share(default=0.9)
    weight_decay: float = at_least(0, default=5e-4)
    nesterov: bool = False
    velocity: str = one_of("with-rate", "without-rate", default="with-rate")
    bias_lr: float = above(0, default=1.0)  # rate of biases, in rates of weights
    layer_rates: tuple[str, ...] = ()  # "fc8=10", "conv1=0": of a layer, in rates of the others
    decay_biases: bool = False  # and the weights of normalisation layers
    clip: float = at_least(0, default=0.0)  # longest gradient, as one vector; 0: any
    ema: float = share(default=0.0)  # decay of the average of the weights; 0: none

    def __post_init__(self) -> None:
        """Check what two keys decide together."""
        Section.__post_init__(self)
        if self.nesterov and (not self.momentum or self.update != "sgd"):
            raise RecipeError(
                f"nesterov needs update 'sgd' and a momentum above 0; they are {self.update!r} and "
                f"{self.momentum}"
            )


@dataclass(frozen=True, slots=True)
class Schedule(Section):
    """How the rate goes on from `lr`; see schedule.py. Epochs are counted from 0."""

    policy: str = one_of(
        "plateau",
        "milestones",
        "step",
        "dexp",
        "cosine",
        "polynomial",
        "one-cycle",
        "constant",
    )
    warmup_steps: int = at_least(0, default=0)
    factor: float = share(default=0.1)  # what a drop leaves: "plateau", "milestones", "step"
    drops: int = at_least(0, default=3)  # at most so many: "plateau"
    patience: int = at_least(1, default=5)  # epochs in a row without a better error: "plateau"
    milestones: tuple[int, ...] = rising(default=())  # epochs done at each drop
    every: int = at_least(1, default=30)  # epochs between drops: "step"
    levels: int = at_least(2, default=4)  # rates: "dexp"
    fall: float = above(1, default=250.0)  # first rate / last rate: "dexp"
    power: float = above(0, default=1.0)  # of what is left of the run: "polynomial"
    peak: float = share(default=0.3)  # part of the run that rises: "one-cycle"
    # what the authors did by hand
    bias_rate: str = one_of("follows", "stays", default="follows")  # biases drop too, or do not
    conv1_drop: int = at_least(0, default=0)  # epoch of one more drop for conv1; 0: never
    conv1_freeze: int = at_least(0, default=0)  # epoch from which conv1 rests; 0: never

    def __post_init__(self) -> None:
        """Check what two keys decide together."""
        Section.__post_init__(self)
        if self.policy == "one-cycle" and self.warmup_steps:
            raise RecipeError("warmup_steps is of no use to 'one-cycle', which rises by itself")
