"""POST /predict: one picture in, its likeliest classes out."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request

from alexprep.errors import ImageError, NoImageError, TooManyPixelsError
from alextrain.serve.body import read_body
from alextrain.serve.limits import RefusedError
from alextrain.serve.multipart import file_in_form
from alextrain.serve.served import Served
from alextrain.serve.service import Service
from alextrain.use.upright import upright_square

FORM = "multipart/form-data"
RAW = "application/octet-stream"


async def predict(request: Request, service: Service) -> dict[str, Any]:
    """Answer with the likeliest classes.

    Args:
        request: A form with a file, or the bytes of one; `top` in the query: how many
            guesses; `gradcam=1`: also a picture of where the evidence for the first one lies.
        service: The model and its limits.

    Raises:
        RefusedError: 413 too large, 415 no picture, 422 a damaged picture or a wrong query.
    """
    top, wants_heat = _top(request), _switch(request, "gradcam")
    kind = _kind(request)
    body = await read_body(request, service.limits)
    data = file_in_form(request.headers["content-type"], body) if kind == FORM else body
    async with service.serving.use() as active:
        served = active.served
        square, turned = await _decoded(data, served, service)
        row = await active.batcher.ask(square)
        answer = {
            "model": service.name,
            "version": active.version,
            "turned": turned,
            "guesses": guesses(row, served, top),
        }
        if wants_heat:
            answer["gradcam"] = await _gradcam(square, served, service)
        return answer


def guesses(row: NDArray[np.float32], served: Served, top: int) -> list[dict[str, Any]]:
    """Return the likeliest classes of one picture, the likeliest first."""
    best = np.argsort(-row, kind="stable")[:top].tolist()
    return [
        {"class": served.classes[i], "words": served.words[i], "probability": float(row[i])}
        for i in best
    ]


async def _decoded(data: bytes, served: Served, service: Service) -> tuple[NDArray[np.uint8], bool]:
    settings = replace(served.settings, max_pixels=service.limits.pixels)
    loop = asyncio.get_running_loop()
    try:
        return await loop.run_in_executor(service.decoding, upright_square, data, settings)
    except TooManyPixelsError as error:
        raise RefusedError(413, f"the picture has {error}") from error
    except NoImageError as error:
        raise RefusedError(
            415, f"{error}; send a JPEG, PNG, WebP, GIF, BMP, TIFF or PPM file"
        ) from error
    except ImageError as error:
        raise RefusedError(422, f"no picture: {error}") from error


async def _gradcam(square: NDArray[np.uint8], served: Served, service: Service) -> str:
    """Return where the evidence for the first guess lies, as the address of a PNG in itself."""
    if served.heat is None:
        raise RefusedError(
            422, "gradcam=1 needs a checkpoint; an exported model has no gradients to look at"
        )
    png = await service.serving.compute(served.heat, square)
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _switch(request: Request, name: str) -> bool:
    text = request.query_params.get(name, "0")
    if text not in ("0", "1"):
        raise RefusedError(422, f"{name}={text[:20]!r} in the query; expected 0 or 1")
    return text == "1"


def _top(request: Request) -> int:
    text = request.query_params.get("top", "5")
    if not (text.isascii() and text.isdigit() and 1 <= len(text) <= 6 and int(text) > 0):
        raise RefusedError(422, f"top={text[:20]!r} in the query; expected a whole number from 1")
    return int(text)


def _kind(request: Request) -> str:
    full = request.headers.get("content-type", RAW)
    kind = full.partition(";")[0].strip().lower()
    if kind not in (FORM, RAW) and not kind.startswith("image/"):
        raise RefusedError(
            415,
            f"Content-Type {kind[:60]!r}; send the picture as image/jpeg (or another image type), "
            f"{RAW} or as a file in {FORM}",
        )
    return kind
