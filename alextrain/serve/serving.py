"""What is served now, and the change to another version while requests go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from alexprep.errors import AlexError
from alextrain.errors import CheckpointError
from alextrain.serve.batching import Batcher
from alextrain.serve.limits import Limits, RefusedError
from alextrain.serve.served import Loader, Served
from alextrain.serve.versions import Version, find_versions, pinned

T = TypeVar("T")
Say = Callable[[str], object]


@dataclass
class Active:
    """A version in use; it stays until the last request that began with it has its answer."""

    version: str
    served: Served
    batcher: Batcher
    users: int = 0
    unused: asyncio.Event = field(default_factory=asyncio.Event)


class Serving:
    """The version that answers.

    Args:
        path: A file, or a folder of versions.
        load: Makes a file ready to answer.
        limits: Size and wait of batches.
        say: Hears one line on each change.
        on_batch: Hears the size of each batch.
    """

    def __init__(
        self,
        path: Path,
        load: Loader,
        limits: Limits,
        say: Say,
        on_batch: Callable[[int], object],
    ) -> None:
        self.path, self._load, self._limits, self._say = path, load, limits, say
        self._on_batch = on_batch
        self._computing = ThreadPoolExecutor(1, thread_name_prefix="serve-compute")
        self._changing = asyncio.Lock()
        self._retired: set[asyncio.Task[None]] = set()
        self._before: str | None = None  # the version that was served before this one
        self.active: Active | None = None
        self.loads = 0

    @asynccontextmanager
    async def use(self) -> AsyncIterator[Active]:
        """Keep a version from the preparation of a picture to its answer.

        Raises:
            RefusedError: none is ready yet.
        """
        active = self.active
        if active is None:
            raise RefusedError(503, "the model is being loaded; try again", {"Retry-After": "2"})
        active.users += 1
        try:
            yield active
        finally:
            active.users -= 1
            if not active.users:
                active.unused.set()

    async def compute(self, work: Callable[[NDArray[np.uint8]], T], square: NDArray[np.uint8]) -> T:
        """Do something else with a picture between two batches."""
        return await asyncio.get_running_loop().run_in_executor(self._computing, work, square)

    async def reload(self, version: str | None = None) -> Active:
        """Serve another version, or the same one anew; requests go on meanwhile.

        Args:
            version: Its number. None: the one that FOLDER/pinned names, or the newest whole one.

        Raises:
            CheckpointError: it is not there or damaged; what was served goes on.
        """
        async with self._changing:
            found = await asyncio.to_thread(self._open, version)
            old, new = self.active, Active(found[0].name, found[1], self._batcher(found[1]))
            self.active = new
            self.loads += 1
            if old is not None:
                if old.version != new.version:
                    self._before = old.version
                self._retire(old)
            self._say(f"Serving version {new.version}: {new.served.source} ({new.served.engine})")
            return new

    async def rollback(self) -> Active:
        """Serve again what was served before.

        Raises:
            CheckpointError: nothing was, or it is gone.
        """
        if self._before is None:
            raise CheckpointError(f"{self.path}: no other version was served since the start")
        return await self.reload(self._before)

    async def close(self) -> None:
        """Answer what was asked, and end."""
        active, self.active = self.active, None
        if active is not None:
            self._retire(active)
        await asyncio.gather(*self._retired)
        self._computing.shutdown()

    def _batcher(self, served: Served) -> Batcher:
        limits = self._limits
        return Batcher(
            served.forward,
            self._computing,
            most=limits.batch,
            wait=limits.wait,
            on_batch=self._on_batch,
        )

    def _retire(self, old: Active) -> None:
        task = asyncio.create_task(_end(old))
        self._retired.add(task)
        task.add_done_callback(self._retired.discard)

    def _open(self, wanted: str | None) -> tuple[Version, Served]:
        """Load and warm up; of damaged versions the one before is taken, and it is said."""
        versions = find_versions(self.path)
        wanted = wanted or pinned(self.path)
        if wanted is not None:
            versions = [version for version in versions if version.name == wanted]
            if not versions:
                raise CheckpointError(f"{self.path}: holds no version {wanted} to serve")
        for version in versions:
            try:
                served = self._load(version.path)
                for count in _sizes(self._limits.batch):
                    # In the thread that computes, between batches of the version in use.
                    self._computing.submit(served.check, count).result()
            except AlexError as error:
                if version is versions[-1]:
                    raise
                self._say(f"Version {version.name} is passed over: {error}")
            else:
                return version, served
        raise AssertionError


def _sizes(most: int) -> list[int]:
    """Return the sizes of batches to warm up with: powers of two, and the largest."""
    return sorted({most} | {2**power for power in range(most.bit_length()) if 2**power < most})


async def _end(old: Active) -> None:
    while old.users:
        old.unused.clear()
        await old.unused.wait()
    await old.batcher.close()
