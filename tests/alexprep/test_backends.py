"""joblib's backends by name: any of them makes the same bytes."""

import pytest

from alexprep.building.build import build
from alexprep.errors import SettingsError
from alexprep.workers.backends import Backend
from tests.alexprep.sets import contents, make_raw, plan_of


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    return make_raw(tmp_path_factory.mktemp("raw") / "raw")


@pytest.fixture(scope="module")
def whole(raw, tmp_path_factory):
    target = tmp_path_factory.mktemp("whole") / "shards"
    build(plan_of(raw), target, jobs=1)
    return contents(target)


@pytest.mark.parametrize(
    ("name", "address", "said"),
    [
        ("dusk", None, "unknown; choose dask, loky"),
        ("dask", None, "needs the address"),
        ("loky", "tcp://1.2.3.4:5", "has no cluster"),
    ],
)
def test_a_backend_that_cannot_be_is_refused(name, address, said):
    with pytest.raises(SettingsError, match=said):
        Backend(name, address)


@pytest.mark.parametrize("name", ["threading", "multiprocessing", "sequential"])
def test_joblib_s_other_backends_make_the_same_bytes(name, raw, whole, tmp_path):
    build(plan_of(raw), tmp_path / "shards", jobs=2, backend=Backend(name))
    assert contents(tmp_path / "shards") == whole
