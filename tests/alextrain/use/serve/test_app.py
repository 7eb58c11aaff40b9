"""What every address has: the token, counts for Prometheus, a description."""

import re

import pytest

from tests.alextrain.use.serve.colours import picture, serving

pytestmark = pytest.mark.anyio
OPEN = ["/", "/openapi.json", "/classes", "/v2", "/v2/health/live", "/v2/health/ready"]


async def test_a_token_is_asked_of_what_costs_or_tells_something():
    async with serving(token="geheim ü") as (_, client):
        for address in OPEN:
            assert (await client.get(address)).status_code == 200
        for shown in (b"", b"Bearer", b"Bearer geheim", "Bearer geheim ü.".encode(), b"\xff \xff"):
            given = {b"authorization": shown}
            assert (await client.get("/metrics", headers=given)).status_code == 401
            for address in ("/predict", "/v2/models/colours/infer"):
                answer = await client.post(address, content=picture(), headers=given)
                assert (answer.status_code, list(answer.json())) == (401, ["error"])
        right = {b"authorization": "bearer geheim ü".encode()}
        answer = await client.post("/predict", content=picture(), headers=right)
        assert answer.status_code == 200


def value(text, name, **labels):
    inner = ",".join(f'{key}="{label}"' for key, label in labels.items())
    full = f"{name}{{{inner}}}" if inner else name
    (found,) = re.findall(f"^{re.escape(full)} (\\S+)", text, re.MULTILINE)
    return float(found)


async def test_the_counts_are_true_and_of_the_form_that_prometheus_reads():
    async with serving() as (service, client):
        for _ in range(3):
            await client.post("/predict", content=picture())
        await client.post("/predict", content=b"text")
        await client.get("/nothing")
        await client.put("/predict")
        service.requests.add(10_000_000, path="/", status="200")
        answer = await client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    text = answer.text
    assert value(text, "alextrain_requests_total", path="/predict", status="200") == 3
    assert value(text, "alextrain_requests_total", path="/predict", status="415") == 1
    assert value(text, "alextrain_requests_total", path="other", status="404") == 1
    assert value(text, "alextrain_requests_total", path="other", status="405") == 1
    assert 'status="200"} 10000000\n' in text
    assert value(text, "alextrain_request_seconds_count", path="/predict") == 4
    assert value(text, "alextrain_request_seconds_bucket", path="/predict", le="+Inf") == 4
    assert value(text, "alextrain_batch_pictures_sum") == 3
    assert value(text, "alextrain_ready") == 1
    assert value(text, "process_resident_memory_bytes") > 1e7
    line = r'[a-z_]+(\{[a-z_]+="[^"\n]*"(,[a-z_]+="[^"\n]*")*\})? [0-9.e+-]+|# (HELP|TYPE) .+'
    assert all(re.fullmatch(line, each) for each in text.splitlines())
    buckets = re.findall(r'request_seconds_bucket\{path="/predict",le="\S+"\} (\d+)', text)
    assert [int(count) for count in buckets] == sorted(int(count) for count in buckets)


async def test_the_description_names_every_address_and_each_of_them_answers():
    async with serving() as (_, client):
        described = (await client.get("/openapi.json")).json()
        assert described["openapi"].startswith("3.")
        for address, methods in described["paths"].items():
            for method in methods:
                answer = await client.request(method, address)
                assert answer.status_code not in (404, 405, 500), address
        references = set(re.findall(r"#/components/schemas/(\w+)", str(described)))
        assert references == set(described["components"]["schemas"])
        answer = (await client.post("/predict?gradcam=0", content=picture())).json()
        schemas = described["components"]["schemas"]
        assert set(schemas["Answer"]["required"]) == set(answer)
        assert set(schemas["Guess"]["required"]) == set(answer["guesses"][0])


async def test_other_addresses_and_methods_get_a_sentence():
    async with serving() as (_, client):
        for method, address, status in (("GET", "/x", 404), ("GET", "/predict", 405)):
            answer = await client.request(method, address)
            assert answer.status_code == status
            assert answer.json()["error"].endswith("see /openapi.json")


async def test_the_classes_are_in_the_order_of_the_outputs():
    async with serving() as (_, client):
        found = (await client.get("/classes")).json()["classes"]
    assert [each["class"] for each in found] == ["red", "green", "blue"]
