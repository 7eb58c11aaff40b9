"""ONNX files that ONNX Runtime opens, and that are not what `alextrain export` wrote."""

import shutil

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from alextrain.errors import CheckpointError
from alextrain.export import export
from alextrain.serve.engines import load_served
from alextrain.serve.versions import find_versions
from tests.alextrain.use.serve.colours import CPU, colours, serving

UINT8, FLOAT = TensorProto.UINT8, TensorProto.FLOAT
SQUARES = ["n", 72, 72, 3]


@pytest.fixture(scope="module")
def exported(checkpoint, tmp_path_factory):
    return export(checkpoint, "onnx", tmp_path_factory.mktemp("onnx") / "model.onnx").path


def refuse(path, reason):
    with pytest.raises(CheckpointError, match=reason):
        load_served(path, CPU).check(2)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("classes", "kit fox", "its metadata are not as"),
        ("classes", "[1, 2, 3]", "no lists of names"),
        ("words", '["kit fox"]', "names 3 classes and 1 words"),
        ("settings", "[]", "its metadata are not as"),
        ("settings", '{"size": 80}', r"cannot compute it for uint8 \[2, 80, 80, 3\]"),
    ],
)
def test_other_metadata_are_one_sentence(exported, tmp_path, key, value, reason):
    model = onnx.load(exported)
    notes = {each.key: each.value for each in model.metadata_props}
    helper.set_model_props(model, notes | {key: value})
    onnx.save(model, tmp_path / "x.onnx")
    refuse(tmp_path / "x.onnx", reason)


def graph(kind):
    """Nodes, inputs (type, shape) and constants of a network that is none of ours."""
    if kind == "floats":
        return [("Identity", ["a"])], {"a": (FLOAT, SQUARES)}, {}
    if kind == "two inputs":
        return [("Add", ["a", "c"])], {"a": (UINT8, SQUARES), "c": (UINT8, SQUARES)}, {}
    if kind == "no input":
        return [("Identity", ["c"])], {}, {"c": np.zeros((2, 3), np.float32)}
    if kind == "a list":
        return [("SequenceConstruct", ["a"])], {"a": (UINT8, SQUARES)}, {}
    return [("Identity", ["c"])], {"a": (UINT8, SQUARES)}, {"c": np.array([["x"] * 3] * 2, object)}


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("floats", "cannot compute it for uint8"),
        ("two inputs", "a network of 2 inputs, expected one"),
        ("no input", "a network of 0 inputs, expected one"),
        ("a list", "answers no probabilities"),
        ("texts", "answers no probabilities"),
    ],
)
def test_another_network_under_our_metadata_is_one_sentence(exported, tmp_path, kind, reason):
    nodes, inputs, constants = graph(kind)
    given = [helper.make_tensor_value_info(name, *each) for name, each in inputs.items()]
    out = helper.make_empty_tensor_value_info("out")
    made = helper.make_graph(
        [helper.make_node(operator, taken, ["out"]) for operator, taken in nodes],
        "g",
        given,
        [out],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    model.metadata_props.extend(onnx.load(exported).metadata_props)
    (tmp_path / "x.onnx").write_bytes(model.SerializeToString())
    refuse(tmp_path / "x.onnx", reason)


def test_a_missing_file_is_not_said_to_be_unwritable(tmp_path):
    refuse(tmp_path / "x.onnx", "x.onnx: no such file")


@pytest.mark.anyio
async def test_a_folder_that_goes_away_leaves_the_version_in_use(tmp_path, monkeypatch):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "a.pt").write_bytes(b"")
    async with serving(tmp_path, load=colours, token="t") as (_, client):
        (tmp_path / "2").mkdir()

        def gone(folder):
            if folder.name == "2":
                shutil.rmtree(folder, ignore_errors=True)
            return next(iter(folder.iterdir()))

        monkeypatch.setattr("alextrain.serve.versions._model_in", gone)
        with pytest.raises(CheckpointError, match="cannot be listed"):
            find_versions(tmp_path)
        (tmp_path / "2").mkdir()
        answer = await client.post("/reload", headers={"Authorization": "Bearer t"})
        assert answer.status_code == 409
        assert (await client.get("/v2/health/ready")).status_code == 200
