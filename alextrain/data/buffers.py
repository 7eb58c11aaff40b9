"""Buffers for batches, used again as soon as nobody holds the batch any more."""

from __future__ import annotations

import weakref
from collections import deque

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class Buffers:
    """Give out uint8 tensors of one shape.

    A fresh 25 MB batch costs the system 6,000 page faults, a used one none. A buffer comes back
    when its tensor, all views of it and all arrays made of it are gone: whoever keeps a batch keeps
    it unharmed, and pays with memory only.

    Pinned buffers are left to torch, whose allocator of pinned memory also waits for copies to the
    GPU that are still under way (`tensor.to(device, non_blocking=True)`).

    Args:
        shape: Of each buffer.
        pin: Whether the memory is page-locked, for asynchronous copies to a GPU.
    """

    def __init__(self, shape: tuple[int, ...], *, pin: bool = False) -> None:
        self.shape = shape
        self.pin = pin
        self._free: deque[NDArray[np.uint8]] = deque()

    def take(self) -> Tensor:
        """Return a buffer that nobody else uses; its content is arbitrary."""
        if self.pin:
            return torch.empty(self.shape, dtype=torch.uint8, pin_memory=True)
        try:
            owner = self._free.popleft()
        except IndexError:
            # numpy asks the system for huge pages, torch does not
            owner = np.empty(self.shape, np.uint8)
        # The tensor's storage, which all views of it share, holds `view` and nothing else does:
        # `view` dies with the last of them.
        view = owner[...]
        weakref.finalize(view, self._free.append, owner).atexit = False
        return torch.from_numpy(view)
