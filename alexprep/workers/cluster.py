"""Shards made by the workers of a Dask cluster: other machines, one shared file system.

joblib's Dask backend carries the tasks, and Dask gives a task to another worker when one dies.
What crosses the wire is a task, which is a list of names and paths, and the record of a shard;
images and shards do not.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from joblib import Parallel, delayed

from alexprep.errors import AlexError, SettingsError, ShardError
from alexprep.shards.manifest import ShardRecord
from alexprep.workers.backends import expect_tasks_left
from alexprep.workers.guest import Call, Guest, check_machine, make_as_guest

if TYPE_CHECKING:
    from distributed import Client

# Tasks that the scheduler holds at once, half a megabyte each: workers that join later get some.
_AHEAD = 256
_PATIENCE = 30  # seconds to wait for the scheduler, and for its first worker


def make_on_cluster(
    address: str, guest: Guest, calls: Sequence[Call]
) -> Generator[tuple[int, ShardRecord], None, None]:
    """Make shards on the workers of a cluster; yield slot and shard as each is finished.

    Args:
        address: Of the Dask scheduler: "tcp://10.0.0.1:8786".
        guest: The run.
        calls: One for each shard.

    Raises:
        SettingsError: dask is not installed, no scheduler answers, or it has no workers.
        ShardError: a machine has another codec or another alexkit, or does not see the target.
        AlexError: the scheduler is lost, one shard kills worker after worker, or what
            `make_shard` says.
    """
    with _connected(address) as client:
        _check_machines(client, guest)
        pool = Parallel(
            n_jobs=-1,
            backend=_backend(client),
            batch_size=1,
            return_as="generator_unordered",
            pre_dispatch=max(_AHEAD, 2 * sum(client.ncores().values())),
        )
        expect_tasks_left()
        with _losses(address):
            yield from pool(delayed(make_as_guest)(guest, call) for call in calls)


@contextmanager
def _connected(address: str) -> Iterator[Client]:
    try:
        from distributed import Client  # noqa: PLC0415  # optional, and slow to import
    except ImportError as error:
        raise SettingsError(
            'backend dask needs dask.distributed: pip install "alexkit[cluster]"'
        ) from error
    try:
        client = Client(address, timeout=_PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"no Dask scheduler answers at {address}; start one (`dask scheduler`) and give the "
            "address that it prints"
        ) from error
    try:
        try:
            client.wait_for_workers(1, timeout=_PATIENCE)
        except TimeoutError as error:
            raise SettingsError(
                f"the Dask scheduler at {address} has no workers; start some: "
                f"`dask worker {address} --nworkers auto --nthreads 1`"
            ) from error
        yield client
    finally:
        client.close()


def _check_machines(client: Client, guest: Guest) -> None:
    """Ask each worker for what would spoil a shard; those that join later are asked with a task."""
    answers: dict[str, Any] = client.run(check_machine, guest, on_error="return")
    for worker, answer in answers.items():
        if isinstance(answer, AlexError):
            raise answer
        if isinstance(answer, BaseException):
            raise ShardError(
                f"the Dask worker {worker} cannot run alexprep ({answer}); install the same "
                "alexkit on every machine"
            ) from answer


def _backend(client: Client) -> Any:
    """Return joblib's Dask backend, with two holes of joblib 1.6 mended."""
    from joblib._dask import DaskDistributedBackend  # noqa: PLC0415

    class Mended(DaskDistributedBackend):  # type: ignore[misc]
        def effective_n_jobs(self, n_jobs: int) -> int:
            """Return 2 at least: for 1, joblib would work here and not on the cluster."""
            return max(2, int(super().effective_n_jobs(n_jobs)))

        def submit(self, func: Any, callback: Any = None) -> Any:
            """Call back too when a task was killed or cancelled; else it is waited for for ever."""
            future = super().submit(func, callback)

            def tell(done: Any) -> None:
                if done.exception() is not None:
                    callback(done.exception())

            future.add_done_callback(tell)
            return future

        def retrieve_result_callback(self, out: Any) -> Any:
            """Raise what `submit` has called back with."""
            if isinstance(out, BaseException):
                raise out
            return super().retrieve_result_callback(out)

    return Mended(client=client)


@contextmanager
def _losses(address: str) -> Iterator[None]:
    """Say in a sentence what Dask could not mend by itself."""
    from distributed import CancelledError, KilledWorker  # noqa: PLC0415

    try:
        yield
    except KilledWorker as error:
        raise AlexError(
            "one shard ended worker after worker of the cluster, and no image in it kills one "
            "alone; perhaps their memory is too small: start fewer on each machine, and run the "
            "same command again"
        ) from error
    except CancelledError as error:
        raise AlexError(
            f"the Dask scheduler at {address} was lost; start it again, and run the same command "
            "again: what is finished is kept"
        ) from error
