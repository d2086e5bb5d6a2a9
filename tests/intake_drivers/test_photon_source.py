"""The photons of an area through intake."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import intake
import pytest
import shapely
import xarray as xr
from published_catalog import publish

import catalog_builder as cb
from catalog_builder.errors import WindowError
from catalog_builder.intake_drivers.photon_source import PhotonSource
from earthdata_standin import EarthdataStandin

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*without references:catalog_builder.errors.ReferencesWarning"
)
WHERE = {"signal_conf_ph": {"land_ice": (">=", 3)}}


@pytest.fixture
def folder(cloud: EarthdataStandin, tmp_path: Path) -> Path:
    return publish(tmp_path / "public")


def test_a_published_catalog_has_photons(folder: Path) -> None:
    cat = intake.open_catalog(str(folder / "catalog.yml"))
    box = [-136, 57, -132, 60]
    expected = cb.open_photons(folder, box, beams="strong", variables=["h_ph"], where=WHERE)
    assert expected.sizes["photon"] > 0
    source = cat.photons(bbox=box, beams="strong", variables=["h_ph"], where=WHERE)
    xr.testing.assert_equal(source.read(), expected)
    area = shapely.box(*box).__geo_interface__
    same = cat.photons(area=area, beams=["strong"], variables="h_ph", where=WHERE)
    xr.testing.assert_equal(same.read(), expected)
    xr.testing.assert_equal(pickle.loads(pickle.dumps(source)).read(), expected)
    lazy = source.to_dask()
    assert lazy.h_ph.chunks is not None
    xr.testing.assert_equal(lazy.compute(), expected)
    facts = source.discover()
    assert facts["metadata"]["granules"] == expected.attrs["granules_read"]
    assert "bbox" in repr(source)
    assert "photons" in source._repr_html_()


def test_an_area_is_needed_once(folder: Path) -> None:
    cat = intake.open_catalog(str(folder / "catalog.yml"))
    for arguments in ({}, {"bbox": [0, 0, 1, 1], "area": [0, 0, 1, 1]}):
        with pytest.raises(ValueError, match="one of area and bbox"):
            cat.photons(**arguments).read()
    with pytest.raises(WindowError):
        cat.photons(area="nowhere.geojson").read()


@pytest.mark.parametrize(
    ("given", "read"),
    [("", None), ("None", None), ("{'quality_ph': [0]}", {"quality_ph": [0]}), ({}, None)],
)
def test_conditions_from_text(given: Any, read: Any) -> None:
    assert PhotonSource(catalog="x", where=given).where == read
    with pytest.raises(TypeError, match="mapping"):
        PhotonSource(catalog="x", where=[1])
