"""Run a server until it is told to end: load, warm up, answer, drain."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from alexprep.errors import AlexError
from alextrain.errors import ServeError
from alextrain.serve.app import make_app
from alextrain.serve.connections import bounded
from alextrain.serve.service import Service
from alextrain.serve.serving import Say

KEEP_ALIVE = 20  # seconds that a connection may wait between requests
DRAIN = 60  # seconds that requests have to end in


class Server(uvicorn.Server):
    """uvicorn with our limits, of which we handle the signals."""

    def __init__(self, service: Service) -> None:
        super().__init__(
            uvicorn.Config(
                make_app(service),
                http=bounded(service.limits),
                ws="none",
                lifespan="off",
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE,
                timeout_graceful_shutdown=DRAIN,
            )
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them to `run`."""
        yield


async def run(make: Callable[[], Service], host: str, port: int, say: Say) -> int:
    """Serve until SIGTERM or SIGINT; SIGHUP loads the newest version.

    Args:
        make: Makes the service, in this loop.
        host: Address to listen on.
        port: 0: any free one; it is said.
        say: Hears one line on each change.

    Returns:
        How many requests were answered.

    Raises:
        ServeError: the address cannot be listened on.
        AlexError: the model cannot be loaded.
    """
    service = make()
    listening = listen(host, port)
    server = Server(service)
    running = asyncio.create_task(server.serve([listening]))
    found_host, found_port = listening.getsockname()[:2]
    address = f"[{found_host}]" if ":" in found_host else found_host
    say(f"Listening on http://{address}:{found_port}/ (loading; Ctrl-C ends)")
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _end, server, service, say)
    first = asyncio.create_task(_load(service, server))
    changes = _on_hangup(service, say)
    try:
        await running
        await first
    finally:
        for task in changes:
            task.cancel()
        await service.close()
    return server.server_state.total_requests


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that is bound already: a port in use is an error before any loading.

    Raises:
        ServeError: no such address, or a port that is in use or may not be used.
    """
    if not host:  # --host "$UNSET": the system would take all interfaces
        raise ServeError("--host is empty; name an address, 0.0.0.0 for all interfaces")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends at once (TCP_NODELAY) only where the protocol is named: else an answer's body
    # waits 40 ms for the client to acknowledge its head.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise ServeError(
            f"{host}:{port}: cannot be listened on ({error.strerror}); choose another --port or "
            "--host"
        ) from error
    return listening


def _end(server: uvicorn.Server, service: Service, say: Say) -> None:
    if not service.ending:
        say("Ending: requests under way are answered, no new ones are taken")
    service.ending = True
    server.should_exit = True


async def _load(service: Service, server: uvicorn.Server) -> None:
    """Load the first version; end the server where there is none."""
    try:
        await service.serving.reload()
    finally:
        if service.serving.active is None:
            server.should_exit = True


def _on_hangup(service: Service, say: Say) -> set[asyncio.Task[None]]:
    """Reload at SIGHUP; return the tasks that do so."""
    tasks: set[asyncio.Task[None]] = set()

    async def reload() -> None:
        try:
            await service.serving.reload()
        except AlexError as error:
            say(f"Nothing is changed: {error}")

    def hung_up() -> None:
        task = asyncio.create_task(reload())
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hung_up)
    return tasks
