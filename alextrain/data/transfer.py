"""Move batches and draws to the device, without waiting."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from alextrain.data.ahead import Batch
from alextrain.data.draws import Draws


def to_device(
    batch: Batch, draws: Draws | None, device: torch.device
) -> tuple[Tensor, Tensor, Draws | None]:
    """Move a batch and its draws.

    On CUDA the copies run on a stream of their own, beside the computation of the batches before;
    what is computed from the result waits for them on the device, the host never does. The memory
    that they come from is pinned and torch's own, so it is not used again before they end.

    Returns:
        Images uint8 [n, S, S, 3], labels int64 [n] and draws, on the device.
    """
    if device.type != "cuda":
        moved = None if draws is None else Draws(draws.table.to(device))
        return batch.images.to(device), batch.labels.to(device), moved
    sources = [batch.images, batch.labels] + ([] if draws is None else [draws.table])
    tensors = _copy_beside(sources, device)
    return tensors[0], tensors[1], None if draws is None else Draws(tensors[2])


def _copy_beside(sources: list[Tensor], device: torch.device) -> list[Tensor]:
    """Copy to CUDA on the copying stream and make the current stream wait for it."""
    stream, current = _copying_stream(device), torch.cuda.current_stream(device)
    with torch.cuda.stream(stream):
        copies = [
            source if source.is_cuda else _pinned(source).to(device, non_blocking=True)
            for source in sources
        ]
    current.wait_stream(stream)
    for copy in copies:
        # Freed while `current` still reads it, the memory would go back to the copying stream.
        copy.record_stream(current)
    return copies


def _pinned(source: Tensor) -> Tensor:
    return source if source.is_pinned() else source.pin_memory()


@cache
def _copying_stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
