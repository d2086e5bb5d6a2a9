"""Places and heights say in which frame they are."""

from __future__ import annotations

from pathlib import Path

import pytest
import xarray as xr

import catalog_builder as cb
from catalog_builder.beams.columns.reference_frame import is_height
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.errors import ReferencesWarning
from catalog_builder.products.atl03 import reference_frame


def test_a_beam_bears_its_grid_mapping(stored: tuple[GranuleLinks, Path], tmp_path: Path) -> None:
    path = stored[1]
    frame = "ITRF2020" if "_007_" in path.name else "ITRF2014"
    found = cb.open_beam(path, "gt2l", ["h_ph", "quality_ph"], heights="geoid")
    assert found.attrs["reference_frame"] == frame
    assert found.crs.attrs["grid_mapping_name"] == "latitude_longitude"
    assert found.crs.attrs["geographic_crs_name"] == frame
    for name in ("h_ph", "h_geoid"):
        assert found[name].attrs["grid_mapping"] == "crs"
    assert "grid_mapping" not in found.quality_ph.attrs
    with pytest.warns(ReferencesWarning):
        photons = cb.open_photons([path], [-180, -90, 180, 90], variables=["h_ph"])
    written = cb.write_photons(photons, tmp_path / "photons.nc")
    with xr.open_dataset(written, decode_coords="all") as back:
        assert back.crs.attrs["geographic_crs_name"] == frame
        assert back.h_ph.encoding["grid_mapping"] == "crs"


@pytest.mark.parametrize(
    ("release", "frame"), [("005", "ITRF2014"), ("006", "ITRF2014"), ("007", "ITRF2020")]
)
def test_the_frame_follows_from_the_release(release: str, frame: str) -> None:
    assert reference_frame(release) == frame


def test_heights_are_known_by_name_and_unit() -> None:
    assert is_height("h_canopy", {"units": "meters"})
    assert is_height("ellipse_h_atl24", {"units": "m"})
    assert not is_height("dist_ph_along", {"units": "meters"})
    assert not is_height("h_ph", {"units": "1"})
