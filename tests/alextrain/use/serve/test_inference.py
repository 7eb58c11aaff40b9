"""The Open Inference Protocol: names, shapes, tensors, and what is refused."""

import json
import tracemalloc

import numpy as np
import pytest

from alextrain.serve.inference import parse
from alextrain.serve.limits import RefusedError
from tests.alextrain.use.serve.colours import CLASSES, COLOURS, SIZE, colours, serving

pytestmark = pytest.mark.anyio
INFER = "/v2/models/colours/infer"


def squares(*names):
    return np.stack([np.full((SIZE, SIZE, 3), COLOURS[name], np.uint8) for name in names])


def tensor(images, **changes):
    nested = {"shape": list(images.shape), "data": images.tolist()}
    return {"name": "images", "datatype": "UINT8", **nested, **changes}


async def test_the_metadata_say_what_is_taken_and_given():
    async with serving() as (_, client):
        assert (await client.get("/v2")).json()["name"] == "alextrain"
        for address in ("/v2/models/colours", "/v2/models/colours/versions/1"):
            assert (await client.get(address)).json() == {
                "name": "colours",
                "versions": ["1"],
                "platform": "numpy",
                "inputs": [{"name": "images", "datatype": "UINT8", "shape": [-1, SIZE, SIZE, 3]}],
                "outputs": [{"name": "probabilities", "datatype": "FP32", "shape": [-1, 3]}],
            }


@pytest.mark.parametrize("flat", [False, True])
async def test_tensors_are_answered_in_order(flat):
    images = squares("green", "blue", "red")
    asked = tensor(images, **({"data": images.ravel().tolist()} if flat else {}))
    async with serving() as (_, client):
        found = (await client.post(INFER, json={"id": "7", "inputs": [asked]})).json()
    assert (found["id"], found["model_name"], found["model_version"]) == ("7", "colours", "1")
    (output,) = found["outputs"]
    assert (output["name"], output["datatype"], output["shape"]) == (
        "probabilities",
        "FP32",
        [3, 3],
    )
    rows = np.array(output["data"]).reshape(3, 3)
    assert [CLASSES[best] for best in rows.argmax(1)] == ["green", "blue", "red"]


ONE = squares("red")
PLANES = ONE.transpose(0, 3, 1, 2).tolist()  # channels first: as many numbers


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 422, "no JSON"),
        (b"\xff\xfe{", 422, "no JSON"),
        (b"[" * 100_000, 422, "no JSON"),
        (b'{"inputs": [' + b"9" * 5000 + b"]}", 422, "no JSON"),
        (b"7", 422, "one tensor 'images'"),
        (b'{"inputs": {}}', 422, "one tensor 'images'"),
        (b'{"inputs": [{}, {}]}', 422, "one tensor 'images'"),
        ({"inputs": [tensor(ONE, name="x")]}, 422, "named 'x'; expected 'images'"),
        ({"inputs": [tensor(ONE, shape=[1, 9, 9, 3])]}, 422, "expected [n, 64, 64, 3]"),
        ({"inputs": [tensor(ONE, shape=[])]}, 422, "expected [n, 64, 64, 3]"),
        ({"inputs": [tensor(ONE, shape=[0, SIZE, SIZE, 3], data=[])]}, 422, "with n from 1"),
        ({"inputs": [tensor(ONE, shape=[True, SIZE, SIZE, 3])]}, 422, "with n from 1"),
        ({"inputs": [tensor(ONE, shape=[65, SIZE, SIZE, 3])]}, 413, "send 64 at most"),
        ({"inputs": [tensor(ONE, datatype="FP32")]}, 422, "expected UINT8"),
        ({"inputs": [tensor(ONE, data=None)]}, 422, "no levels"),
        ({"inputs": [tensor(ONE, data=[[1], [1, 2]])]}, 422, "nested otherwise"),
        ({"inputs": [tensor(ONE, data=[[[1], [[2]]]])]}, 422, "nested otherwise"),
        ({"inputs": [tensor(ONE, data=[[1] * ONE.size])]}, 422, "nested otherwise"),
        ({"inputs": [tensor(ONE, data=PLANES)]}, 422, "nested otherwise"),
        ({"inputs": [tensor(ONE, data=[])]}, 422, "no levels"),
        ({"inputs": [tensor(ONE, data=[1, True] * (ONE.size // 2))]}, 422, "no levels"),
        ({"inputs": [tensor(ONE, shape=[1, 64.0, 64.0, 3.0])]}, 422, "with n from 1"),
        ({"inputs": [tensor(ONE, datatype="\ud800")]}, 422, "expected UINT8"),
        ({"id": "\ud800", "inputs": [tensor(ONE)]}, 422, "the id is no Unicode text"),
        ({"inputs": [tensor(ONE, data=[0.5] * ONE.size)]}, 422, "no levels"),
        ({"inputs": [tensor(ONE, data=[256] * ONE.size)]}, 422, "no levels"),
        ({"inputs": [tensor(ONE, data=[-1] * ONE.size)]}, 422, "no levels"),
        ({"inputs": [tensor(ONE, data=[10**30] * ONE.size)]}, 422, "no levels"),
        ({"inputs": [tensor(ONE, data=["1"] * ONE.size)]}, 422, "no levels"),
        ({"inputs": [tensor(ONE, data=[1] * (ONE.size - 1))]}, 422, "12,287 numbers"),
        ({"inputs": [tensor(ONE, data=ONE[0].tolist())]}, 422, "nested otherwise"),
    ],
)
async def test_any_other_body_gets_one_sentence(body, status, words):
    content = body if isinstance(body, bytes) else json.dumps(body)
    async with serving() as (_, client):
        answer = await client.post(INFER, content=content)
    assert answer.status_code == status
    assert words in answer.json()["error"]


async def test_one_long_text_among_short_ones_takes_no_memory():
    body = json.dumps({"inputs": [tensor(ONE, data=["x" * 20_000] + ["y"] * 4_000)]}).encode()
    tracemalloc.start()
    try:
        with pytest.raises(RefusedError, match="no levels"):
            parse(body, colours())
        assert tracemalloc.get_traced_memory()[1] < 10e6  # numpy's array of them: 320 MB
    finally:
        tracemalloc.stop()


async def test_other_names_and_versions_are_404():
    body = {"inputs": [tensor(ONE)]}
    async with serving() as (_, client):
        for address in ("/v2/models/cats", "/v2/models/colours/versions/2"):
            assert (await client.get(address)).status_code == 404
            assert (await client.get(f"{address}/ready")).status_code == 404
            assert (await client.post(f"{address}/infer", json=body)).status_code == 404


async def test_live_is_said_at_once_and_ready_only_with_a_model_that_is_warm():
    async with serving() as (service, client):
        active, service.serving.active = service.serving.active, None
        assert (await client.get("/v2/health/live")).status_code == 200
        for address in ("/v2/health/ready", "/v2/models/colours/ready"):
            assert (await client.get(address)).status_code == 503
        refused = await client.post(INFER, json={"inputs": [tensor(ONE)]})
        assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
        service.serving.active = active
        for address in ("/v2/health/ready", "/v2/models/colours/ready"):
            assert (await client.get(address)).status_code == 200
