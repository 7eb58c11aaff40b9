"""The Open Inference Protocol, version 2, over JSON: uint8 squares in, probabilities out."""

from __future__ import annotations

import asyncio
import json
import math
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request

from alextrain.serve.body import read_body
from alextrain.serve.limits import RefusedError
from alextrain.serve.served import Served
from alextrain.serve.service import Service
from alextrain.serve.serving import Active
from alextrain.version import __version__

INPUT, OUTPUT = "images", "probabilities"
MOST = 64  # pictures in one request


def server_metadata() -> dict[str, Any]:
    """Return what GET /v2 says."""
    return {"name": "alextrain", "version": __version__, "extensions": []}


async def model_metadata(request: Request, service: Service) -> dict[str, Any]:
    """Return what GET /v2/models/NAME says.

    Raises:
        RefusedError: 404 for another model or version, 503 where none is ready.
    """
    async with service.serving.use() as active:
        _check_name(request, service, active)
        served = active.served
        shape = [-1, served.size, served.size, 3]
        return {
            "name": service.name,
            "versions": [active.version],
            "platform": served.engine,
            "inputs": [{"name": INPUT, "datatype": "UINT8", "shape": shape}],
            "outputs": [{"name": OUTPUT, "datatype": "FP32", "shape": [-1, len(served.classes)]}],
        }


async def infer(request: Request, service: Service) -> dict[str, Any]:
    """Answer tensors with tensors.

    Raises:
        RefusedError: 404 for another model or version, 413 too much, 422 no such tensor.
    """
    async with service.serving.use() as active:
        _check_name(request, service, active)
        body = await read_body(request, service.limits)
        loop = asyncio.get_running_loop()
        identity, images = await loop.run_in_executor(service.decoding, parse, body, active.served)
        rows = await asyncio.gather(*map(active.batcher.ask, images))
        answer = {
            "model_name": service.name,
            "model_version": active.version,
            "outputs": [
                {
                    "name": OUTPUT,
                    "datatype": "FP32",
                    "shape": [len(rows), len(active.served.classes)],
                    "data": np.concatenate(rows).tolist(),
                }
            ],
        }
    return answer if identity is None else {"id": identity, **answer}


def parse(body: bytes, served: Served) -> tuple[str | None, NDArray[np.uint8]]:
    """Return the request's id and its images, uint8 [n, S, S, 3].

    Raises:
        RefusedError: 422, it is not the tensor that the model takes; 413, it holds too many.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedError(422, "the body is no JSON") from error
    tensor = _tensor(content)
    shape = [served.size, served.size, 3]
    found = tensor.get("shape")
    if not isinstance(found, list) or found[1:] != shape or not all(map(_is_count, found)):
        raise RefusedError(
            422,
            f"{INPUT!r} has shape {str(found)[:60]}; expected [n, {shape[0]}, "
            f"{shape[1]}, 3] with n from 1",
        )
    if found[0] > MOST:
        raise RefusedError(413, f"{found[0]:,} pictures in one request; send {MOST} at most")
    if tensor.get("datatype") != "UINT8":
        raise RefusedError(
            422, f"{INPUT!r} is of datatype {str(tensor.get('datatype'))[:20]!r}; expected UINT8"
        )
    return _identity(content), _levels(tensor.get("data"), found)


def _identity(content: dict[str, Any]) -> str | None:
    identity = content.get("id")
    if not isinstance(identity, str):
        return None
    try:
        identity.encode()
    except UnicodeEncodeError as error:  # half a sign, as JSON may hold; no answer could
        raise RefusedError(422, "the id is no Unicode text") from error
    return identity


def _tensor(content: Any) -> dict[str, Any]:
    """Return the one input of a request."""
    inputs = content.get("inputs") if isinstance(content, dict) else None
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise RefusedError(422, f'the body holds no "inputs" with one tensor {INPUT!r}')
    if inputs[0].get("name") != INPUT:
        raise RefusedError(
            422, f"the input is named {str(inputs[0].get('name'))[:40]!r}; expected {INPUT!r}"
        )
    tensor: dict[str, Any] = inputs[0]
    return tensor


def _is_count(number: Any) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number > 0


def _levels(data: Any, shape: list[int]) -> NDArray[np.uint8]:
    """Return flat or nested numbers as an array of this shape."""
    numbers = _flat(data, shape) if isinstance(data, list) else []
    # Of this type alone: numpy would make 40 GB of one long text and a million short ones.
    if set(map(type, numbers)) != {int} or not _are_levels(numbers):
        raise RefusedError(
            422, f"the data of {INPUT!r} are no levels; expected whole numbers from 0 to 255"
        )
    if len(numbers) != math.prod(shape):
        raise RefusedError(
            422,
            f"the data of {INPUT!r} are {len(numbers):,} numbers; expected "
            f"{math.prod(shape):,}, flat or nested as the shape",
        )
    return np.array(numbers, np.uint8).reshape(shape)


def _flat(data: list[Any], shape: list[int]) -> list[Any]:
    """Return numbers that are nested as the shape, or not at all, as one list."""
    if not data or not isinstance(data[0], list):
        return data
    whole = len(data) == shape[0]
    for length in shape[1:]:
        if not whole or set(map(type, data)) != {list} or set(map(len, data)) != {length}:
            raise RefusedError(
                422, f"the data of {INPUT!r} are nested otherwise than their shape {shape}"
            )
        data = list(chain.from_iterable(data))
    return data


def _are_levels(data: list[int]) -> bool:
    return min(data) >= 0 and max(data) <= 255


def _check_name(request: Request, service: Service, active: Active) -> None:
    name = request.path_params["name"]
    if name != service.name:
        raise RefusedError(404, f"no model {name[:60]!r} is served here; it is {service.name!r}")
    version = request.path_params.get("version", active.version)
    if version != active.version:
        raise RefusedError(
            404, f"version {version[:20]} is not served; version {active.version} is"
        )
