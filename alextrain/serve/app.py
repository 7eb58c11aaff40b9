"""The addresses of a server, and what each answers."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from alexprep.errors import AlexError
from alextrain.serve import inference
from alextrain.serve.limits import RefusedError
from alextrain.serve.openapi import openapi
from alextrain.serve.page import page
from alextrain.serve.predict import predict
from alextrain.serve.prometheus import CONTENT_TYPE
from alextrain.serve.service import Service
from alextrain.serve.serving import Active

Work = Callable[[Request, Service], Awaitable[Any]]
_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


def make_app(service: Service) -> Starlette:
    """Return the application; `service` is loaded by whoever runs it."""
    model = "/v2/models/{name}"
    routes = [
        _route(service, "/", _page),
        _route(service, "/openapi.json", _openapi),
        _route(service, "/v2", _metadata),
        _route(service, "/v2/health/live", _live),
        _route(service, "/v2/health/ready", _ready),
        _route(service, "/classes", _classes),
        _route(service, "/metrics", _metrics, shown=True),
        _route(service, model, inference.model_metadata),
        _route(service, f"{model}/ready", _model_ready),
        _route(service, f"{model}/infer", inference.infer, "POST", shown=True),
        _route(service, f"{model}/versions/{{version}}", inference.model_metadata),
        _route(service, f"{model}/versions/{{version}}/ready", _model_ready),
        _route(service, f"{model}/versions/{{version}}/infer", inference.infer, "POST", shown=True),
        _route(service, "/predict", predict, "POST", shown=True),
        _route(service, "/reload", _reload, "POST", shown=True),
        _route(service, "/rollback", _rollback, "POST", shown=True),
    ]

    def refuse(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        service.requests.add(path="other", status=str(error.status_code))
        sentence = "there is nothing at this address; see /openapi.json"
        if error.status_code == 405:
            sentence = "this address takes another method; see /openapi.json"
        return _answer({"error": sentence}, error.status_code, dict(error.headers or {}))

    return Starlette(routes=routes, exception_handlers={HTTPException: refuse})


def _route(
    service: Service, path: str, work: Work, method: str = "GET", *, shown: bool = False
) -> Route:
    """Return an address. What is POSTed costs something, so it is counted and may be refused.

    Args:
        service: What answers.
        path: The address.
        work: Returns plain values, or a response.
        method: GET or POST.
        shown: Whether the token must be shown.
    """

    async def answer(request: Request) -> Response:
        begun = time.perf_counter()
        try:
            if shown:
                check_token(request, service.token)
            if method == "POST":
                with service.admitted():
                    found = await work(request, service)
            else:
                found = await work(request, service)
            response = found if isinstance(found, Response) else _answer(found)
        except RefusedError as error:
            response = _answer({"error": error.sentence}, error.status, error.headers)
        service.requests.add(path=path, status=str(response.status_code))
        if method == "POST":
            service.seconds.observe(time.perf_counter() - begun, path=path)
        return response

    return Route(path, answer, methods=[method])


def check_token(request: Request, token: str | None) -> None:
    """Refuse a client that does not show the token.

    Raises:
        RefusedError: 401.
    """
    if token is None:
        return
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    # Digests are of one length, so that the time taken tells nothing of the token's own.
    # Header bytes come as Latin-1.
    pair = (given.encode("latin-1"), token.encode())
    same = hmac.compare_digest(*(hashlib.sha256(each).digest() for each in pair))
    if kind.lower() != "bearer" or not same:
        raise RefusedError(
            401,
            "show the token of this server: Authorization: Bearer TOKEN",
            {"WWW-Authenticate": "Bearer"},
        )


def _answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(content, status, {**_HEADERS, **(headers or {})})


async def _page(_request: Request, _service: Service) -> Response:
    return page()


async def _openapi(_request: Request, service: Service) -> Any:
    return openapi(service.name)


async def _metadata(_request: Request, _service: Service) -> Any:
    return inference.server_metadata()


async def _classes(_request: Request, service: Service) -> Any:
    async with service.serving.use() as active:
        served = active.served
        pairs = zip(served.classes, served.words, strict=True)
        return {
            "model": service.name,
            "version": active.version,
            "gradcam": served.heat is not None,
            "classes": [{"class": name, "words": words} for name, words in pairs],
        }


async def _live(_request: Request, _service: Service) -> Any:
    return {"live": True}


async def _ready(_request: Request, service: Service) -> Response:
    return _answer({"ready": service.ready}, 200 if service.ready else 503)


async def _model_ready(request: Request, service: Service) -> Response:
    if service.serving.active is not None:
        await inference.model_metadata(request, service)  # refuses other names and versions
    content = {"name": service.name, "ready": service.ready}
    return _answer(content, 200 if service.ready else 503)


async def _metrics(_request: Request, service: Service) -> Response:
    return Response(service.metrics(), headers=_HEADERS, media_type=CONTENT_TYPE)


async def _reload(request: Request, service: Service) -> Any:
    version = request.query_params.get("version")
    return await _change(service, lambda: service.serving.reload(version))


async def _rollback(_request: Request, service: Service) -> Any:
    return await _change(service, service.serving.rollback)


async def _change(service: Service, change: Callable[[], Awaitable[Active]]) -> Any:
    if service.token is None:
        raise RefusedError(403, "start the server with --token-file to change versions this way")
    try:
        active = await change()
    except AlexError as error:
        raise RefusedError(409, str(error)) from error
    return {"model": service.name, "version": active.version}
