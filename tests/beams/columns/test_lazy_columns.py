"""Derived columns as dask arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from catalog_builder.beams.columns.conditions import parse_where
from catalog_builder.beams.columns.heights import HeightColumns
from catalog_builder.beams.dataset import open_beam
from catalog_builder.beams.scanning.scan import scan
from catalog_builder.beams.storage.links import GranuleLinks

COLUMNS = [HeightColumns(heights=("geoid", "sea_surface"))]


@pytest.mark.parametrize("indexed", [True, False])
def test_lazy_columns_are_those_read_now(stored: tuple[GranuleLinks, Path], indexed: bool) -> None:
    links = GranuleLinks(local=str(stored[1]))
    references = scan(links).beams["gt2l"] if indexed else None
    lat = open_beam(links, "gt2l", ["h_ph"]).lat_ph.values
    south, north = np.quantile(lat, [0.4, 0.7])
    for box in (None, (-180, south, 180, north)):
        now = open_beam(links, "gt2l", ["h_ph"], box, references=references, derived=COLUMNS)
        later = open_beam(
            links, "gt2l", ["h_ph"], box, chunks=300, references=references, derived=COLUMNS
        )
        assert later.h_geoid.chunks is not None
        xr.testing.assert_identical(later.compute(), now)


def test_lazy_photons_are_not_filtered(stored: tuple[GranuleLinks, Path]) -> None:
    links = GranuleLinks(local=str(stored[1]))
    conditions = parse_where({"h_ph": (">", 0)})
    with pytest.raises(TypeError, match="read now, without chunks"):
        open_beam(links, "gt2l", ["h_ph"], chunks=1000, conditions=conditions)
