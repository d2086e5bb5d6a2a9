"""xarray opens granules by its own functions."""

from __future__ import annotations

import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
import xarray as xr
from published_catalog import publish

from catalog_builder.catalog.index.item_index import open_index
from catalog_builder.errors import BeamNotFoundError
from catalog_builder.opening.one_granule import open_beam, open_granule
from catalog_builder.opening.xarray_engine import Atl03Engine
from earthdata_standin import EarthdataStandin, World


@pytest.fixture(scope="module")
def granule(world: World) -> Path:
    """A whole granule on disk."""
    odd = world.odd.values()
    name = next(
        key
        for key in sorted(world.objects)
        if key.endswith("_01.h5") and not any(one in key for one in odd)
    )
    path = world.objects.get(name)
    assert path is not None
    return path


def test_a_path_opens_as_open_beam_opens_it(granule: Path) -> None:
    beams = list(open_granule(str(granule)))
    with xr.open_dataset(str(granule), engine=Atl03Engine, group=beams[0]) as found:
        expected = open_beam(str(granule), beams[0])
        xr.testing.assert_identical(found.load(), expected)
    with xr.open_dataset(
        granule, engine=Atl03Engine, group=f"/{beams[0]}", variables=["h_ph"], drop_variables="x"
    ) as found:
        assert list(found.data_vars) == ["h_ph"]


def test_a_granule_opens_as_a_tree(granule: Path) -> None:
    expected = open_granule(str(granule), variables=["h_ph"])
    with xr.open_datatree(str(granule), engine=Atl03Engine, variables=["h_ph"]) as found:
        assert list(found) == list(expected)
        for beam in expected:
            xr.testing.assert_identical(
                found[beam].to_dataset().load(), expected[beam].to_dataset()
            )
    groups = xr.open_groups(str(granule), engine=Atl03Engine, variables=["h_ph"])
    assert {f"/{beam}" for beam in expected} <= set(groups)


def test_an_item_opens(cloud: EarthdataStandin, tmp_path: Path) -> None:
    item = next(iter(open_index(publish(tmp_path / "public"))))
    beam = next(iter(open_granule(item, variables=["h_ph"])))
    for given in (item, item.to_dict()):
        with xr.open_dataset(given, engine=Atl03Engine, group=beam, variables=["h_ph"]) as found:
            assert found.sizes["photon"] > 0


def test_a_beam_must_be_named(granule: Path) -> None:
    with pytest.raises(BeamNotFoundError, match="group="):
        xr.open_dataset(str(granule), engine=Atl03Engine)


def test_xarray_finds_it_under_its_name() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    module, _, name = project["project"]["entry-points"]["xarray.backends"]["atl03"].partition(":")
    assert getattr(import_module(module), name) is Atl03Engine


def test_it_costs_other_users_of_xarray_little() -> None:
    """xarray imports all engines, whatever it opens."""
    import subprocess

    code = (
        "import sys, xarray; before = set(sys.modules)\n"
        "import catalog_builder.opening.xarray_engine\n"
        "print(*[m for m in set(sys.modules) - before if m.split('.')[0] in "
        "('h5py', 'obstore', 's3fs', 'shapely', 'pyarrow', 'dask')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not done.stdout.split()
