"""Each module imports only from those above it, and training only the contract."""

import ast
from pathlib import Path

import pytest

from tests.alexprep.modules import CONTRACT
from tests.alexprep.modules import MODULES as ALEXPREP
from tests.alextrain.modules import MODULES as ALEXTRAIN

ROOT = Path(__file__).parents[1]
# In the order in which data flows. A module may import those above it.
ORDER = [*ALEXPREP, *ALEXTRAIN]
# What is slow to import, and the only modules that may import it.
HEAVY = {
    "torch": {m for m in ORDER if m.startswith("alextrain.")},
    "joblib": {
        "alexprep.workers.backends",
        "alexprep.workers.cluster",
        "alexprep.workers.pool",
        "alexprep.synth.raw_set",
    },
    "distributed": {"alexprep.workers.cluster"},
    "torchvision": {
        "alextrain.data.nvjpeg",
        "alexprep.raw.torchvision_sets",
        "alextrain.export.torchvision_file",
        "alextrain.studies.rivals",
    },
    "starlette": {m for m in ORDER if ".serve." in m},
    "webdataset": {"alextrain.data.tars", "alextrain.data.foreign"},
    "uvicorn": {"alextrain.serve.connections", "alextrain.serve.server"},
    "python_multipart": {"alextrain.serve.multipart"},
    "pyarrow": {"alexprep.raw.parquet_file"},
    "fsspec": {"alexprep.remote.transfer"},
    "click": {m for m in ORDER if ".cli" in m},
    "tqdm": {m for m in ORDER if ".cli" in m},
    "matplotlib": {m for m in ORDER if ".figures" in m},
}


def imports(module, *, at_import=False):
    path = ROOT / module.replace(".", "/")
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    tree = ast.parse(path.read_text())
    nodes = tree.body if at_import else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
            # `from alexprep.shards import tar` names a module too
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("module", ORDER)
def test_imports_point_up_and_cross_only_at_the_contract(module):
    package = module.split(".")[0] + "."
    above = set(ORDER[: ORDER.index(module)])
    allowed = {m for m in above if m.startswith(package) or m in CONTRACT}
    own = {name for name in imports(module) if name in ORDER}
    assert own <= allowed


@pytest.mark.parametrize("module", ORDER)
def test_slow_packages_are_imported_only_where_they_belong(module):
    found = {name.split(".")[0] for name in imports(module)} & set(HEAVY)
    assert {name for name in found if module not in HEAVY[name]} == set()


def test_every_module_has_its_place():
    found = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for top in ("alexprep", "alextrain")
        for path in (ROOT / top).rglob("*.py")
        if path.name != "__main__.py"
    }
    packages = {name for name in found if (ROOT / name.replace(".", "/")).is_dir()}
    holding_code = {name for name in packages if list(imports(name))}
    assert (found - packages) | holding_code == set(ORDER)
