"""A request's body, of bounded size and in bounded time."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

from alextrain.serve.limits import Limits, RefusedError


async def read_body(request: Request, limits: Limits) -> bytes:
    """Read all of a body.

    Raises:
        RefusedError: 413 too long, 408 too slow, 400 cut off.
    """
    said = request.headers.get("content-length", "0")
    if said.isdigit() and int(said) > limits.bytes:
        raise _too_long(limits)
    body = bytearray()
    try:
        async with asyncio.timeout(limits.seconds):
            async for part in request.stream():
                body += part
                if len(body) > limits.bytes:
                    raise _too_long(limits)
    except TimeoutError as error:
        raise RefusedError(
            408,
            f"the request did not arrive within {limits.seconds:g} seconds",
            {"Connection": "close"},
        ) from error
    except ClientDisconnect as error:
        raise RefusedError(400, "the request ended before its body did") from error
    return bytes(body)


def _too_long(limits: Limits) -> RefusedError:
    # The connection stays open and the rest is thrown away as it comes: a client that is still
    # sending would not see an answer before a reset.
    return RefusedError(413, f"the request is longer than {limits.bytes:,} bytes (--max-bytes)")
