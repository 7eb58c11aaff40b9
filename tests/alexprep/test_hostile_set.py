"""Sets of shards as an attacker makes them: every hash is right, and what they vouch for is not."""

import dataclasses
import hashlib
import json

import numpy as np
import pytest

from alexprep.errors import ShardError
from alexprep.exchange.extract import extract
from alexprep.files import canonical_json, sha256_file
from alexprep.shards.index import Index
from alexprep.shards.manifest import Manifest
from alexprep.shards.reader import ShardReader
from tests.alexprep.commands import run
from tests.alexprep.shardsets import noise, write_shards


@pytest.fixture
def shards(tmp_path):
    return write_shards(tmp_path / "shards", {"train": noise(0, 7, 16)})


def sign(shards, change):
    """Change the manifest and give it the fingerprint that it then has."""
    path = shards / "manifest.json"
    content = json.loads(path.read_bytes())
    del content["fingerprint"]
    change(content)
    fingerprint = hashlib.sha256(canonical_json(content)).hexdigest()
    path.write_bytes(canonical_json(content | {"fingerprint": fingerprint}))


def forge(shards, **arrays):
    path = shards / "index-train.npz"
    dataclasses.replace(Index.load(path), **arrays).save(path)
    sign(shards, lambda content: content["index_sha256"].update(train=sha256_file(path)))


def with_key(shards, key):
    keys = Index.load(shards / "index-train.npz").keys()
    text = "".join(f"{one}\n" for one in [key, *keys[1:]])
    forge(shards, key_text=np.frombuffer(text.encode(), np.uint8))


@pytest.mark.parametrize(
    "key", ["../../../x/y", "../y", "/tmp/y", "c/d/y", "c", "", "c/..", "é/x", "c/x\0", "c//x"]
)
def test_no_key_leads_out_of_the_folder(shards, tmp_path, key):
    with_key(shards, key)
    with pytest.raises(ShardError, match=r"index-train\.npz"):
        extract(shards, tmp_path / "deep" / "er" / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["shards"]


def test_two_samples_with_one_key_do_not_replace_each_other(shards, tmp_path):
    with_key(shards, Index.load(shards / "index-train.npz").keys()[3])
    with pytest.raises(ShardError, match="two samples of train have one key"):
        extract(shards, tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [
        ("offsets", 0, -5),
        ("offsets", 1, 0),
        ("offsets", 2, 2**60),
        ("offsets", 2, 2**63 - 1),
        ("sizes", 0, 0),
        ("sizes", 1, -1),
        ("sizes", 1, 2**31 - 1),
        ("labels", 0, -1),
        ("labels", 0, 3),
        ("shard_sizes", slice(None), [4, -1, 4]),
        ("shard_sizes", slice(None), [1, 3, 3]),
    ],
)
def test_samples_lie_in_their_shard_and_have_a_class(shards, tmp_path, name, place, value):
    array = getattr(Index.load(shards / "index-train.npz"), name).copy()
    array[place] = value
    forge(shards, **{name: array})
    with pytest.raises(ShardError, match=r"index-train\.npz"):
        ShardReader(shards, "train")
    for arguments in (("verify", shards), ("extract", shards, tmp_path / "out")):
        assert isinstance(run(*arguments).exception, SystemExit)


def move_one(one, other):
    one["samples"], other["samples"] = one["samples"] - 1, other["samples"] + 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda content: content["index_sha256"].clear(), "index_sha256 lacks train"),
        (lambda content: content["words"].append("x"), r"there are \d classes, \d words and"),
        (lambda content: content["shards"][0].update(sha256="0" * 63), "sha256 is a str of 63"),
        (lambda content: content["shards"][0].update(bytes=10**50), "bytes is a huge number"),
        (lambda content: content["shards"][1].update(name="train-000000.tar"), "shards have one"),
        (lambda content: content.update(classes=content["classes"][:1] * 3), "classes have one"),
        (lambda content: move_one(*content["shards"][:2]), "disagrees .* about the samples"),
    ],
)
def test_parts_of_a_manifest_that_contradict_are_named(shards, change, said):
    sign(shards, change)
    with pytest.raises(ShardError, match=said):
        ShardReader(shards, "train")


@pytest.mark.parametrize("name", ["../x.tar", "/tmp/x.tar", "a\0.tar", "..", "x", 5])
def test_no_shard_lies_outside(shards, name):
    sign(shards, lambda content: content["shards"][0].update(name=name))
    with pytest.raises(ShardError, match=r"shard 0: name is .*expected the name of a \.tar"):
        Manifest.load(shards)


ODD = [None, 5, -1, 10**30, 1.5, "x\0", [], {}, [1], {"a": 1}, True, "\ud800", [["a"]], "../x"]


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_a_field_of_the_wrong_kind_is_a_sentence(shards, value):
    before = (shards / "manifest.json").read_bytes()
    for field in (*json.loads(before), *map(str, range(8))):
        sign(shards, lambda content, field=field: put(content, field, value))
        result = run("info", shards)
        assert result.exit_code == 0 or isinstance(result.exception, SystemExit), field
        (shards / "manifest.json").write_bytes(before)


def put(content, field, value):
    if field.isdigit():  # of the first shard
        content["shards"][0][sorted(content["shards"][0])[int(field)]] = value
    else:
        content[field] = value
