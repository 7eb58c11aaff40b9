"""GET /openapi.json: the addresses, for programs that make clients."""

from __future__ import annotations

from typing import Any

from alextrain.version import __version__

_GUESS = {
    "type": "object",
    "required": ["class", "words", "probability"],
    "properties": {
        "class": {"type": "string", "description": "class folder or wnid"},
        "words": {"type": "string", "description": "a name for people"},
        "probability": {"type": "number", "minimum": 0, "maximum": 1},
    },
}
_ANSWER = {
    "type": "object",
    "required": ["model", "version", "turned", "guesses"],
    "properties": {
        "model": {"type": "string"},
        "version": {"type": "string"},
        "turned": {"type": "boolean", "description": "upright, as the picture's EXIF says"},
        "guesses": {"type": "array", "items": {"$ref": "#/components/schemas/Guess"}},
        "gradcam": {"type": "string", "description": "data:image/png of where the evidence lies"},
    },
}
_TENSOR = {
    "type": "object",
    "required": ["name", "shape", "datatype", "data"],
    "properties": {
        "name": {"type": "string"},
        "shape": {"type": "array", "items": {"type": "integer"}},
        "datatype": {"type": "string"},
        "data": {"type": "array", "items": {}, "description": "flat, or nested as the shape"},
    },
}
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string", "description": "one sentence"}},
}
_REFUSALS = {
    "400": "the request ended before its body did",
    "401": "the token was not shown",
    "408": "the request came too slowly",
    "413": "too many bytes or pixels",
    "415": "no picture, or of an unknown format",
    "422": "a damaged picture, or a wrong value",
    "503": "loading, or busy: see Retry-After",
}


def openapi(model: str) -> dict[str, Any]:
    """Return the description of all addresses (OpenAPI 3.1).

    Args:
        model: The name of the one that is served.
    """
    tensors = {"type": "array", "items": {"$ref": "#/components/schemas/Tensor"}}
    at = f"/v2/models/{model}"
    return {
        "openapi": "3.1.0",
        "info": {"title": "alextrain serve", "version": __version__},
        "components": {
            "schemas": {"Guess": _GUESS, "Answer": _ANSWER, "Tensor": _TENSOR, "Error": _ERROR},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
        "paths": {
            "/predict": {"post": _predict()},
            "/classes": {"get": _get("The classes, in the order of the outputs.")},
            "/v2": {"get": _get("The server's name and version.")},
            "/v2/health/live": {"get": _get("200 while the process runs.")},
            "/v2/health/ready": {"get": _get("200 where requests are answered, else 503.")},
            at: {"get": _get("Names, types and shapes of the tensors.")},
            f"{at}/ready": {"get": _get("200 where the model answers, else 503.")},
            f"{at}/infer": {"post": _infer(tensors)},
            "/metrics": {"get": _get("Counts for Prometheus.", "text/plain")},
            "/reload": {"post": _change("Serve the newest version, or ?version=N.")},
            "/rollback": {"post": _change("Serve again what was served before.")},
        },
    }


def _predict() -> dict[str, Any]:
    picture = {"type": "string", "format": "binary"}
    form = {"type": "object", "properties": {"file": picture}, "required": ["file"]}
    top = {"name": "top", "in": "query", "schema": {"type": "integer", "minimum": 1, "default": 5}}
    heat = {"name": "gradcam", "in": "query", "schema": {"enum": [0, 1], "default": 0}}
    return {
        "summary": "Name what one picture shows.",
        "parameters": [top, heat],
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {"schema": form},
                "application/octet-stream": {"schema": picture},
                "image/*": {"schema": picture},
            },
        },
        "responses": _responses({"$ref": "#/components/schemas/Answer"}),
    }


def _infer(tensors: dict[str, Any]) -> dict[str, Any]:
    asked = {"type": "object", "required": ["inputs"], "properties": {"inputs": tensors}}
    answered = {"type": "object", "required": ["outputs"], "properties": {"outputs": tensors}}
    return {
        "summary": "Open Inference Protocol: uint8 [n, S, S, 3] to probabilities [n, classes].",
        "requestBody": {"required": True, "content": {"application/json": {"schema": asked}}},
        "responses": _responses(answered),
    }


def _change(summary: str) -> dict[str, Any]:
    return {"summary": summary, "security": [{"token": []}], "responses": _responses({})}


def _get(summary: str, kind: str = "application/json") -> dict[str, Any]:
    return {
        "summary": summary,
        "responses": {"200": {"description": "see the summary", "content": {kind: {}}}},
    }


def _responses(schema: dict[str, Any]) -> dict[str, Any]:
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    refusals = {
        status: {"description": text, "content": error} for status, text in _REFUSALS.items()
    }
    done = {"description": "done", "content": {"application/json": {"schema": schema}}}
    return {"200": done, **refusals}
