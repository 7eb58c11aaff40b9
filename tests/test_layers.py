"""Each module imports only from those above it, and training only the contract."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# In the order in which data flows. A module may import those above it.
ORDER = [
    "alexprep.errors",
    "alexprep.files",
    "alexprep.settings",
    "alexprep.threads",
    "alexprep.remote",
    "alexprep.shards.sample",
    "alexprep.shards.tar",
    "alexprep.shards.mixing",
    "alexprep.shards.npz",
    "alexprep.shards.index",
    "alexprep.shards.manifest",
    "alexprep.shards.statistics",
    "alexprep.shards.reader",
    "alexprep.raw.place",
    "alexprep.raw.source",
    "alexprep.raw.zipmember",
    "alexprep.raw.containers",
    "alexprep.raw.layout",
    "alexprep.raw.spool",
    "alexprep.raw.numbered",
    "alexprep.raw.members",
    "alexprep.raw.tarwalk",
    "alexprep.raw.zipwalk",
    "alexprep.raw.parquet_rows",
    "alexprep.raw.torchvision_sets",
    "alexprep.raw.mat5",
    "alexprep.raw.devkit",
    "alexprep.raw.names",
    "alexprep.raw.truth",
    "alexprep.raw.classfolders",
    "alexprep.raw.folders",
    "alexprep.raw.kaggle",
    "alexprep.raw.listfile",
    "alexprep.raw.tarred",
    "alexprep.raw.zipped",
    "alexprep.raw.parquet",
    "alexprep.raw.webdataset",
    "alexprep.raw.torchvision",
    "alexprep.raw.archives",
    "alexprep.raw.ilsvrc2012",
    "alexprep.raw.ilsvrc2010",
    "alexprep.raw.behind_url",
    "alexprep.raw.detect",
    "alexprep.audit",
    "alexprep.labels",
    "alexprep.planned",
    "alexprep.plan",
    "alexprep.picture",
    "alexprep.exif",
    "alexprep.jpeg",
    "alexprep.orientation",
    "alexprep.decode_other",
    "alexprep.decode_jpeg",
    "alexprep.decode",
    "alexprep.geometry",
    "alexprep.transform",
    "alexprep.estimate",
    "alexprep.report",
    "alexprep.anomalies",
    "alexprep.record",
    "alexprep.moments",
    "alexprep.stored",
    "alexprep.shard_moments",
    "alexprep.measure",
    "alexprep.collect",
    "alexprep.heartbeat",
    "alexprep.begun",
    "alexprep.outline",
    "alexprep.parts",
    "alexprep.quality",
    "alexprep.workplace",
    "alexprep.rescue",
    "alexprep.worker",
    "alexprep.backends",
    "alexprep.guest",
    "alexprep.cluster",
    "alexprep.pool",
    "alexprep.finished",
    "alexprep.finish",
    "alexprep.laid",
    "alexprep.overwrite",
    "alexprep.foreign",
    "alexprep.build",
    "alexprep.merge",
    "alexprep.verify_beside",
    "alexprep.verify",
    "alexprep.extract",
    "alexprep.repair",
    "alexprep.compare",
    "alexprep.tables",
    "alexprep.figures.page",
    "alexprep.figures.mean",
    "alexprep.figures.eigenbasis",
    "alexprep.figures.preview",
    "alexprep.figures.augmentation",
    "alexprep.figures.histograms",
    "alexprep.figures.odd",
    "alexprep.figures.every",
    "alexprep.figures",
    "alexprep.doctor",
    "alexprep.synth.draws",
    "alexprep.synth.outlines",
    "alexprep.synth.textures",
    "alexprep.synth.picture",
    "alexprep.synth.cast",
    "alexprep.synth.meta",
    "alexprep.synth.archives",
    "alexprep.synth.raw_set",
    "alexprep.cli.group",
    "alexprep.cli.options",
    "alexprep.cli.progress",
    "alexprep.cli.shard_options",
    "alexprep.cli.prepare",
    "alexprep.cli.merge",
    "alexprep.cli.inspect",
    "alexprep.cli.measure",
    "alexprep.cli.look",
    "alexprep.cli.diff",
    "alexprep.cli.take",
    "alexprep.cli.synth",
    "alexprep.cli.download",
    "alexprep.cli",
    "alextrain.version",
    "alextrain.errors",
    "alextrain.extras",
    "alextrain.urls",
    "alextrain.parquet",
    "alextrain.recipe_section",
    "alextrain.recipe_tables",
    "alextrain.recipe",
    "alextrain.ranks",
    "alextrain.device",
    "alextrain.data.stream",
    "alextrain.data.order",
    "alextrain.data.draws",
    "alextrain.data.buffers",
    "alextrain.data.ahead",
    "alextrain.data.decode",
    "alextrain.data.loader",
    "alextrain.data.cache",
    "alextrain.data.transfer",
    "alextrain.boxes",
    "alextrain.augment",
    "alextrain.lrn",
    "alextrain.models.designs",
    "alextrain.models.layers",
    "alextrain.models.alexnet",
    "alextrain.models.exchange",
    "alextrain.models",
    "alextrain.init",
    "alextrain.summary",
    "alextrain.facets",
    "alextrain.signals",
    "alextrain.health",
    "alextrain.optimiser",
    "alextrain.schedule",
    "alextrain.metrics",
    "alextrain.gradients",
    "alextrain.averaging",
    "alextrain.recompute",
    "alextrain.loop",
    "alextrain.checkpoint",
    "alextrain.evaluation",
    "alextrain.epoch",
    "alextrain.sets",
    "alextrain.setup",
    "alextrain.snapshot",
    "alextrain.listener",
    "alextrain.feed",
    "alextrain.speed",
    "alextrain.rivals",
    "alextrain.runlog",
    "alextrain.run",
    "alextrain.compare",
    "alextrain.weights",
    "alextrain.network",
    "alextrain.upright",
    "alextrain.pictures",
    "alextrain.predict",
    "alextrain.answers",
    "alextrain.features",
    "alextrain.neighbours",
    "alextrain.probe",
    "alextrain.gradcam",
    "alextrain",
    "alextrain.figures.page",
    "alextrain.figures.curves",
    "alextrain.figures.comparison",
    "alextrain.figures.confusion",
    "alextrain.figures.kernels",
    "alextrain.figures.mistakes",
    "alextrain.figures.neighbours",
    "alextrain.figures.gradcam",
    "alextrain.figures.maps",
    "alextrain.figures",
    "alextrain.report",
    "alextrain.gallery",
    "alextrain.export.parity",
    "alextrain.export.package",
    "alextrain.export.torch_file",
    "alextrain.export.onnx_file",
    "alextrain.export.torchvision_file",
    "alextrain.export.card",
    "alextrain.export",
    "alextrain.cli.options",
    "alextrain.cli.screen",
    "alextrain.cli.fit",
    "alextrain.cli.bench",
    "alextrain.cli.compare",
    "alextrain.cli.evaluate",
    "alextrain.cli.predict",
    "alextrain.cli.features",
    "alextrain.cli.figures",
    "alextrain.cli.export",
    "alextrain.cli.summary",
    "alextrain.cli",
]
CONTRACT = {m for m in ORDER if m.startswith("alexprep.shards.")} | {
    "alexprep.errors",
    "alexprep.files",
    "alexprep.settings",
    "alexprep.raw.source",
    "alexprep.raw.tarwalk",  # pictures to predict may lie in a tar
    "alexprep.picture",
    "alexprep.exif",
    "alexprep.jpeg",
    "alexprep.orientation",
    "alexprep.decode_other",
    "alexprep.decode_jpeg",
    "alexprep.decode",
    "alexprep.geometry",
    "alexprep.transform",
    "alexprep.cli.group",  # both programs say errors in the same way
}
# What is slow to import, and the only modules that may import it.
HEAVY = {
    "torch": {m for m in ORDER if m.startswith("alextrain.")},
    "joblib": {
        "alexprep.backends",
        "alexprep.cluster",
        "alexprep.pool",
        "alexprep.synth.raw_set",
    },
    "distributed": {"alexprep.cluster"},
    "torchvision": {
        "alexprep.raw.torchvision_sets",
        "alextrain.export.torchvision_file",
        "alextrain.rivals",
    },
    "pyarrow": {"alexprep.raw.parquet_rows"},
    "fsspec": {"alexprep.remote"},
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
