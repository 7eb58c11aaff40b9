"""Mixup and cutmix: each image with its neighbour in the order of training.

The partner of the sample at position p of an epoch is the one at p with its last bit turned: 0 and
1, 2 and 3, and so on; where an odd epoch ends, the last is its own. The order is random anyway, and
so what a sample is mixed with depends on (seed, epoch, position) alone, not on the batch size nor
on how many processes share a batch: who has one of a pair loads the other too.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from alextrain.data.distort import inside_boxes
from alextrain.data.draws import Draws


def with_partners(places: range, samples: int) -> range:
    """Return positions together with those of all their partners, in an epoch of `samples`."""
    if not places:
        return places
    return range(places.start - places.start % 2, min(places.stop + places.stop % 2, samples))


def mix(pictures: Tensor, labels: Tensor, draws: Draws, classes: int) -> tuple[Tensor, Tensor]:
    """Mix pairs of neighbours: 0 with 1, 2 with 3.

    Args:
        pictures: float32 [n, 3, c, c], the network's input.
        labels: int64 [n].
        draws: For these pictures: each one's own weight and the box that its partner covers;
            where the box is empty, the whole is a weighted sum.
        classes: Their number.

    Returns:
        Pictures as given, and shares of the classes float32 [n, classes], 1 together.
    """
    count = len(labels)
    if not count:
        return pictures, torch.zeros((0, classes), device=labels.device)
    partner = torch.arange(count, device=labels.device) ^ 1
    partner.clamp_(max=count - 1)
    weight, *box = draws.distortions[:, 9:14].unbind(1)
    inside = inside_boxes(pictures.shape[2], *box)
    boxed = inside.flatten(1).any(1)[:, None, None, None]
    own = torch.where(boxed, (~inside).float(), weight[:, None, None, None])
    mixed = own * pictures + (1 - own) * pictures[partner]
    shares = F.one_hot(labels, classes).float()
    return mixed, torch.lerp(shares[partner], shares, weight[:, None])
