"""Connections of a bounded number, each with a bounded time to ask and to listen.

uvicorn ends idle connections only between requests; one that never asks, asks letter by letter
or does not read its answer would stay for ever.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

from alextrain.serve.limits import Limits

_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n%s"
)
_SENTENCE = b'{"error": "too many connections are open; try again"}'


class BoundedProtocol(H11Protocol):
    """HTTP/1.1 with a limit on connections and on the time that each may hold one."""

    limits: Limits
    _timer: asyncio.TimerHandle | None = None
    _between = True  # requests: the next byte begins one

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; close at once where too many are open."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            transport.write(_BUSY % (len(_SENTENCE), _SENTENCE))
            transport.close()
            return
        self._arm()

    def data_received(self, data: bytes) -> None:
        """Give a request its time from its first byte."""
        if self.transport.is_closing():
            return
        if self._between:
            self._between = False
            self._arm()
        super().data_received(data)

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._between = True
        self._arm()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        # The body's own limit comes first, with an answer.
        self._timer = self.loop.call_later(self.limits.seconds + 1, self._late)

    def _late(self) -> None:
        if self.transport.get_write_buffer_size():
            self.transport.abort()  # they do not read
        elif self._asked():
            self._arm()  # the answer is being made: our time, not theirs
        elif not self._idle():
            self.transport.abort()

    def _asked(self) -> bool:
        cycle = self.cycle
        return cycle is not None and not cycle.more_body and not cycle.response_started

    def _idle(self) -> bool:
        return self._between and self.timeout_keep_alive_task is not None


def bounded(limits: Limits) -> type[BoundedProtocol]:
    """Return the protocol with these limits."""
    return type("Bounded", (BoundedProtocol,), {"limits": limits})
