"""All that a server's handlers share: the model, the limits, the counts."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import torch

from alextrain.data.loader import decoding_threads
from alextrain.device import Machine
from alextrain.serve.limits import Limits, RefusedError
from alextrain.serve.prometheus import PICTURES, SECONDS, Counter, Histogram, gauge
from alextrain.serve.served import Loader
from alextrain.serve.serving import Say, Serving


class Service:
    """One model behind one address.

    Args:
        path: A file, or a folder of versions.
        name: Of the model, in addresses.
        load: Makes a file ready to answer.
        machine: Device and precision, for its memory and the number of threads.
        limits: What is taken on at most.
        token: What clients must show; None: nothing.
        say: Hears one line on each change.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        load: Loader,
        machine: Machine,
        limits: Limits,
        token: str | None,
        say: Say,
    ) -> None:
        self.name, self.limits, self.token = name, limits, token
        self._machine = machine
        gpu = machine.device.type == "cuda"
        self.decoding = ThreadPoolExecutor(decoding_threads(gpu=gpu), "serve-decode")
        self.requests = Counter("alextrain_requests_total", "Requests answered.")
        self.seconds = Histogram(
            "alextrain_request_seconds", "From a request's head to its answer.", SECONDS
        )
        self.batches = Histogram(
            "alextrain_batch_pictures", "Pictures that the network saw together.", PICTURES
        )
        self.serving = Serving(path, load, limits, say, self.batches.observe)
        self.at_once = 0
        self.ending = False

    @property
    def ready(self) -> bool:
        """Whether requests should be sent here."""
        return self.serving.active is not None and not self.ending

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Count a request that costs something while it is here.

        Raises:
            RefusedError: 503, there are as many as may be.
        """
        if self.at_once >= self.limits.at_once:
            raise RefusedError(
                503,
                f"{self.at_once} requests are being answered already (--queue); try again",
                {"Retry-After": "1"},
            )
        self.at_once += 1
        try:
            yield
        finally:
            self.at_once -= 1

    def metrics(self) -> str:
        """Return all counts as Prometheus reads them."""
        active = self.serving.active
        waiting = active.batcher.waiting if active else 0
        version = active.version if active else ""
        parts = [
            self.requests.text(),
            self.seconds.text(),
            self.batches.text(),
            gauge("alextrain_requests_at_once", "Requests read or answered now.", self.at_once),
            gauge("alextrain_queue_pictures", "Pictures that no batch has taken.", waiting),
            gauge("alextrain_ready", "1 where requests are answered.", self.ready),
            gauge("alextrain_model_loads", "Versions loaded since start.", self.serving.loads),
            gauge("alextrain_model", "The version served.", 1, model=self.name, version=version),
            gauge("process_resident_memory_bytes", "Memory of this process.", _resident()),
        ]
        if self._machine.device.type == "cuda":
            used = torch.cuda.memory_allocated(self._machine.device)
            free, _ = torch.cuda.mem_get_info(self._machine.device)
            parts.append(gauge("alextrain_gpu_used_bytes", "GPU memory of tensors here.", used))
            parts.append(gauge("alextrain_gpu_free_bytes", "GPU memory that nobody has.", free))
        return "".join(parts)

    async def close(self) -> None:
        """Answer what was asked, and end."""
        self.ending = True
        await self.serving.close()
        await asyncio.to_thread(self.decoding.shutdown)


def _resident() -> int:
    """Return the bytes of this process that are in memory; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
