"""Is there memory for a batch? What it takes at least, and how torch says that there was none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from alextrain.errors import DeviceError


def check_room_for_weights(weights: int, free: int | None) -> None:
    """Refuse a net whose weights, with a gradient and a velocity each, do not fit.

    Args:
        weights: How many, 12 bytes each in all.
        free: Bytes; None: unknown.

    Raises:
        DeviceError: there is no room.
    """
    need = weights * 12
    if free is not None and need > free:
        raise DeviceError(
            f"a net of {weights:,} parameters takes {need / 1e9:,.1f} GB with its gradients before "
            f"it sees an image, and {free / 1e9:,.1f} GB are free; use a smaller --width or --crop"
        )


def check_room(images: int, size: int, crop: int, free: int | None) -> None:
    """Refuse a batch whose images alone, as loaded and as the net takes them, do not fit.

    Args:
        images: Of a batch, in this process.
        size: Side of a stored image, pixels of 3 bytes.
        crop: Side of the square that the net sees, pixels of 3 floats.
        free: Bytes; None: unknown.

    Raises:
        DeviceError: there is no room.
    """
    need = images * 3 * (size**2 + 4 * crop**2)
    if free is not None and need > free:
        raise DeviceError(
            f"a batch of {images:,} images takes {need / 1e9:.1f} GB before the network computes "
            f"anything, and {free / 1e9:.1f} GB are free; use a smaller --batch-size"
        )


def ran_out(error: BaseException) -> bool:
    """Tell whether memory ran out; on the CPU torch has no error of its own for that."""
    known = isinstance(error, torch.OutOfMemoryError | MemoryError)
    return known or "DefaultCPUAllocator" in str(error)


@contextmanager
def memory_errors(batch_size: int) -> Iterator[None]:
    """Turn memory that ran out, outside of the steps, into a sentence.

    Raises:
        DeviceError: says with which batch size.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not ran_out(error):
            raise
        reason = str(error).partition("\n")[0].rpartition("Allocator: ")[2] or "by numpy"
        raise DeviceError(
            f"memory ran out with batches of {batch_size:,} images ({reason}); use a smaller "
            "--batch-size"
        ) from error
