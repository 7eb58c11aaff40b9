"""What others reached on ImageNet, to be seen beside one's own curves."""

from __future__ import annotations

from dataclasses import dataclass

CLASSES = 1000  # these errors are of ImageNet's: shards of other classes are not compared


@dataclass(frozen=True)
class Published:
    """Errors on the ILSVRC2012 validation images, shares of 1."""

    who: str
    views: int
    top1: float
    top5: float


_PAPER = Published("paper", 10, 0.407, 0.182)
_PROGRAM = Published("authors' log, run 145", 10, 0.40664, 0.18210)
_ONE_GPU = Published("cuda-convnet2, one GPU", 1, 0.42548, 0.19810)
_SIX = Published("paper, six layers, more data", 10, 0.390, 0.166)
_CAFFE = Published("bvlc_alexnet", 1, 0.429, 0.198)
_CAFFENET = Published("caffenet", 1, 0.426, 0.196)
_TORCHVISION = Published("torchvision", 1, 0.43478, 0.20934)
# recipe -> whose errors it is to be held against; for all others the paper's
_OF = {
    "authors": _PROGRAM,
    "six-conv": _SIX,
    "caffe": _CAFFE,
    "caffenet": _CAFFENET,
    "torchvision": _TORCHVISION,
}


def published_for(recipe: str, classes: int) -> list[Published]:
    """Return published errors to draw beside a recipe's curves: its own, and one of one view.

    Validation during training takes one view, so a figure of one view is the fair one.
    """
    if classes != CLASSES:
        return []
    own = _OF.get(recipe, _PAPER)
    return [own] if own.views == 1 else [own, _ONE_GPU]
