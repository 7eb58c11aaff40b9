"""Versions of a model: which is served, and that a change drops no request."""

import asyncio
import threading

import pytest

from alextrain.errors import CheckpointError
from alextrain.serve.versions import find_versions, pinned
from tests.alextrain.use.serve.colours import colours, picture, serving

pytestmark = pytest.mark.anyio
TOKEN = {"authorization": "Bearer t"}


def write(folder, *names):
    """Versions of the model of colours; what a file holds is the name of its only class."""
    for name in names:
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "best.pt").write_text(f"version-{name}")
    return folder


def load(path):
    text = path.read_text()
    if text == "damaged":
        raise CheckpointError(f"{path}: is damaged")
    return colours(path, classes=[text, "other", "third"])


async def version_of(client):
    answer = await client.post("/predict", content=picture())
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["guesses"][0]["class"] == f"version-{found['version']}"  # the right model said it
    return found["version"]


def test_versions_are_numbers_newest_first_and_other_names_are_passed_over(tmp_path):
    write(tmp_path, "9", "10", "2", ".11", "12.part", "03", "x")
    (tmp_path / "13").mkdir()  # empty: not whole
    (tmp_path / "14").write_text("a file")
    (write(tmp_path, "15") / "15" / "other.onnx").write_text("which of the two?")
    assert [version.name for version in find_versions(tmp_path)] == ["10", "9", "2"]
    assert find_versions(tmp_path / "9" / "best.pt")[0].name == "1"


async def test_a_folder_without_versions_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match=r"holds no version to serve; expected .*/1/best\.pt"):
        async with serving(tmp_path, load):
            pass


async def test_the_newest_whole_version_is_served_and_what_is_passed_over_is_said(tmp_path):
    write(tmp_path, "1", "2", "3")
    (tmp_path / "3" / "best.pt").write_text("damaged")
    said = []
    async with serving(tmp_path, load, said=said) as (_, client):
        assert await version_of(client) == "2"
    assert said[0].startswith("Version 3 is passed over: ")
    assert said[0].endswith("is damaged")


async def test_reload_and_rollback_change_the_version(tmp_path):
    write(tmp_path, "1")
    async with serving(tmp_path, load, token="t") as (_, client):
        client.headers.update(TOKEN)
        refused = await client.post("/rollback")
        assert (refused.status_code, "no other version" in refused.text) == (409, True)
        write(tmp_path, "2")
        assert await version_of(client) == "1"
        assert (await client.post("/reload")).json() == {"model": "colours", "version": "2"}
        assert await version_of(client) == "2"
        assert (await client.post("/rollback")).json()["version"] == "1"
        assert await version_of(client) == "1"
        assert (await client.post("/reload?version=2")).json()["version"] == "2"
        missing = await client.post("/reload?version=7")
        assert (missing.status_code, "holds no version 7" in missing.text) == (409, True)
        assert await version_of(client) == "2"


async def test_a_pinned_version_is_served_until_the_pin_is_gone(tmp_path):
    write(tmp_path, "1", "2")
    (tmp_path / "pinned").write_text("1\n")
    async with serving(tmp_path, load) as (service, client):
        assert await version_of(client) == "1"
        (tmp_path / "pinned").unlink()
        await service.serving.reload()
        assert await version_of(client) == "2"
        (tmp_path / "pinned").write_text("newest")
        with pytest.raises(CheckpointError, match="holds 'newest'; expected the number"):
            await service.serving.reload()
        assert await version_of(client) == "2"
    assert pinned(tmp_path / "1") is None


async def test_a_damaged_version_leaves_the_one_in_use(tmp_path):
    write(tmp_path, "1")
    async with serving(tmp_path, load) as (service, client):
        (tmp_path / "1" / "best.pt").write_text("damaged")
        with pytest.raises(CheckpointError, match="is damaged"):
            await service.serving.reload()
        assert await version_of(client) == "1"


async def test_versions_change_under_load_and_no_request_is_dropped(tmp_path):
    write(tmp_path, "1", "2")
    async with serving(tmp_path, load, wait=0.001, at_once=100) as (service, client):
        done, counts = asyncio.Event(), {"1": 0, "2": 0}

        async def ask():
            while not done.is_set():
                counts[await version_of(client)] += 1

        clients = [asyncio.create_task(ask()) for _ in range(8)]
        for _ in range(10):
            await service.serving.reload("1")
            await service.serving.reload("2")
            await asyncio.sleep(0.02)
        done.set()
        await asyncio.gather(*clients)
        assert min(counts.values()) > 0
        assert service.serving.loads == 21


async def test_a_request_that_began_with_a_version_is_answered_by_it(tmp_path):
    write(tmp_path, "1", "2")
    begun, go = threading.Event(), threading.Event()

    def slowly(path):
        served = load(path)

        def forward(images):
            if path.parent.name == "1" and images.max() > 0:  # not while it warms up
                begun.set()
                go.wait(20)
            return served.forward(images)

        return colours(path, forward, served.classes)

    async with serving(tmp_path, slowly) as (service, client):
        await service.serving.reload("1")
        asked = asyncio.create_task(version_of(client))
        while not begun.is_set():
            await asyncio.sleep(0.005)
        change = asyncio.create_task(service.serving.reload("2"))
        await asyncio.sleep(0.05)
        go.set()
        assert await asked == "1"
        await change
        assert await version_of(client) == "2"


@pytest.mark.parametrize("address", ["/reload", "/rollback"])
async def test_versions_are_changed_only_by_who_shows_the_token(tmp_path, address):
    write(tmp_path, "1", "2")
    async with serving(tmp_path, load) as (_, client):
        assert (await client.post(address)).status_code == 403
    async with serving(tmp_path, load, token="t") as (_, client):
        for shown in ({}, {"authorization": "Bearer x"}, {"authorization": "Basic t"}):
            answer = await client.post(address, headers=shown)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
