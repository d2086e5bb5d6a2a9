"""Columns that are derived for photons: what they read comes in the same round, once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from catalog_builder.beams.columns.conditions import of_columns, parse_where
from catalog_builder.beams.columns.heights import HeightColumns
from catalog_builder.beams.dataset import open_beam
from catalog_builder.beams.scanning.scan import scan
from catalog_builder.beams.storage.links import GranuleLinks
from earthdata_standin import EarthdataStandin

COLUMNS = [HeightColumns(heights=("geoid", "sea_surface"))]


@pytest.mark.parametrize("whole", [True, False])
def test_references_and_h5py_derive_the_same_in_one_round(
    stored: tuple[GranuleLinks, Path], cloud: EarthdataStandin, whole: bool
) -> None:
    links = stored[0]
    references = scan(GranuleLinks(local=str(stored[1]))).beams["gt2l"]
    lat = open_beam(GranuleLinks(local=str(stored[1])), "gt2l", ["h_ph"]).lat_ph.values
    south, north = np.quantile(lat, [0.4, 0.5])
    box = None if whole else (-180, south, 180, north)
    by_file = open_beam(links, "gt2l", ["h_ph"], box, access="s3", derived=COLUMNS)
    cloud.requests.clear()
    found = open_beam(
        links, "gt2l", ["h_ph"], box, access="s3", references=references, derived=COLUMNS
    )
    paths = [r.path for r in cloud.requests if r.service == "s3" and r.method == "GET"]
    assert found.identical(by_file)
    cloud.requests.clear()
    open_beam(
        links,
        "gt2l",
        ["h_ph", *COLUMNS[0].paths],
        box,
        access="s3",
        references=references,
    )
    assert len(paths) == len([r for r in cloud.requests if r.method == "GET"])


def test_photons_are_filtered_by_columns_and_variables(
    stored: tuple[GranuleLinks, Path],
) -> None:
    links = GranuleLinks(local=str(stored[1]))
    whole = open_beam(links, "gt2l", ["h_ph", "geophys_corr/geoid"], derived=COLUMNS)
    middle = float(np.median(whole.h_geoid))
    where = {"h_geoid": (">", middle), "geophys_corr/geoid": ("<", 1e9), "h_ph": (">", -1e3)}
    conditions = of_columns(parse_where(where), {"h_geoid"})
    found = open_beam(
        links,
        "gt2l",
        ["h_ph", "geophys_corr/geoid"],
        derived=COLUMNS,
        conditions=conditions,
    )
    keep = ((whole.h_geoid > middle) & (whole.h_ph > -1e3)).values
    assert 0 < keep.sum() < len(keep)
    xr.testing.assert_identical(found, whole.isel(photon=keep))
