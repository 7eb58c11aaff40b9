"""The processes of one job, as torchrun starts them: which this one is, and what they agree on.

Every process walks through the same global batches and takes its share of each, so the number of
processes decides who computes what and never what is computed. One process needs none of this.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from alextrain.errors import AlexError, DeviceError, RankError

Value = TypeVar("Value")

PATIENCE = timedelta(minutes=30)  # a rank may decode its whole cache before the others hear of it


class Ranks:
    """One process among `count`; rank 0 alone writes and speaks.

    Args:
        rank: Number of this process, from 0.
        count: Of processes.
        device: Where this process computes; collectives over NCCL take tensors there.
    """

    def __init__(self, rank: int = 0, count: int = 1, device: torch.device | None = None) -> None:
        self.rank = rank
        self.count = count
        self.device = device or torch.device("cpu")

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def share(self, samples: int) -> slice:
        """Return this process's part of a global batch; the parts differ by one sample at most."""
        begin = samples * self.rank // self.count
        return slice(begin, samples * (self.rank + 1) // self.count)

    def sum(self, tensor: Tensor) -> Tensor:
        """Add up a tensor over all processes, in place."""
        if self.count > 1:
            with lost_ranks():
                dist.all_reduce(tensor)
        return tensor

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Add up the gradients of all processes; one that had no sample counts as zeros.

        AlexNet has 16 tensors of weights, most of its bytes in three of them: there is nothing to
        gather into buckets.
        """
        if self.count == 1:
            return
        waiting = []
        with lost_ranks():
            for weights in parameters:
                if weights.requires_grad:
                    if weights.grad is None:
                        weights.grad = torch.zeros_like(weights)
                    waiting.append(dist.all_reduce(weights.grad, async_op=True))
            for work in waiting:
                work.wait()

    def share_buffers(self, model: nn.Module) -> None:
        """Give all processes the running statistics of rank 0, before they are used or saved."""
        if self.count > 1:
            with lost_ranks():
                for buffer in model.buffers():
                    dist.broadcast(buffer, 0)

    def gather(self, value: Value) -> list[Value]:
        """Return the values of all processes, in their order: small plain ones."""
        if self.count == 1:
            return [value]
        values: list[Value] = [value] * self.count
        with lost_ranks():
            dist.all_gather_object(values, value)
        return values

    def close(self) -> None:
        """Leave the job."""
        if self.count > 1 and dist.is_initialized():
            dist.destroy_process_group()


ALONE = Ranks()


def is_job() -> bool:
    """Tell whether torchrun started this process beside others."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def check_alone(command: str) -> None:
    """Refuse to run in several processes what each of them would do whole.

    Raises:
        RankError: in the first process.
        SystemExit: in the others, with the same status.
    """
    if not is_job():
        return
    if os.environ.get("RANK", "0") != "0":
        raise SystemExit(1)
    count = os.environ["WORLD_SIZE"]
    raise RankError(
        f"torchrun started {count} processes, and {command} runs in one process; start it without "
        "torchrun (fit is what shares its work)"
    )


def local_rank() -> int:
    """Return the number of this process on its machine, from 0."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def processes_here() -> int:
    """Return how many processes of the job share this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


@contextmanager
def joined(device: torch.device) -> Iterator[Ranks]:
    """Join the other processes of the job that torchrun started; alone where it did not.

    Raises:
        DeviceError: this build of torch cannot connect processes on such a device.
        RankError: the others cannot be reached.
    """
    if not is_job():
        yield ALONE
        return
    backend = "nccl" if device.type == "cuda" else "gloo"
    if not dist.is_available() or not dist.is_backend_available(backend):
        raise DeviceError(
            f"several processes need {backend}, which this build of torch lacks; "
            "install one that has it, or use one process"
        )
    with lost_ranks():
        if device.type == "cuda":
            torch.cuda.set_device(device)
        dist.init_process_group(backend, timeout=PATIENCE)
    ranks = Ranks(dist.get_rank(), dist.get_world_size(), device)
    try:
        yield ranks
    finally:
        ranks.close()


@contextmanager
def agreed(ranks: Ranks) -> Iterator[None]:
    """Go on only if every process can; what stops any of them is said once, by the first.

    For what all processes do before they share work: opening shards, recipes, checkpoints.

    Raises:
        AlexError: in the first process: its own, or that of another one.
        SystemExit: in the others, with the same status.
    """
    met: AlexError | None = None
    try:
        yield
    except AlexError as error:
        met = error
    said = ranks.gather(None if met is None else str(met))
    if not any(said):
        return
    if not ranks.first:
        raise SystemExit(1)
    if met is not None:
        raise met
    number, text = next((number, text) for number, text in enumerate(said) if text)
    raise RankError(f"process {number} of this job: {text}")


@contextmanager
def lost_ranks() -> Iterator[None]:
    """Turn the end of another process, which shows as a broken connection, into a sentence.

    Raises:
        RankError: says how the run is continued.
    """
    try:
        yield
    except RuntimeError as error:  # torch raises its base class for gloo, DistError for NCCL
        # torch puts the place in its own source before the reason, and advice after it.
        reason = str(error).rpartition("] ")[2].partition(". ")[0].partition("\n")[0]
        raise RankError(
            f"another process of this job ended or cannot be reached ({reason}); look for its own "
            "message above, then run the same command with --resume, on any number of processes"
        ) from error
