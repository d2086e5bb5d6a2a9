"""Footprints from GeoJSON that others wrote."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box, shape

from catalog_builder.catalog.footprint.from_geojson import from_geojson
from catalog_builder.catalog.footprint.raw_footprint import ring
from catalog_builder.catalog.footprint.swath import footprint
from catalog_builder.catalog.stac.granule import Granule
from catalog_builder.errors import FootprintError
from catalog_builder.products.granule_name import REGION_MIDDLES
from tests.catalog.footprint.rings import assert_sound, ring_of


@settings(max_examples=60, deadline=None)
@given(node=st.floats(-180, 180), region=st.integers(1, 14), vertices=st.integers(4, 25))
def test_a_footprint_comes_back_from_geojson(node: float, region: int, vertices: int) -> None:
    near = REGION_MIDDLES[region - 1]
    lon, lat = ring_of(node, region, vertices=vertices)
    found = footprint(ring(lon, lat, near=near))
    unsplit = {"type": "Polygon", "coordinates": [list(zip(lon, lat, strict=True))]}
    assert from_geojson(unsplit, near=near) == found
    again = from_geojson(found.geometry, near=near)
    assert_sound(again)
    assert again.bbox == pytest.approx(found.bbox, abs=1e-3)
    here, there = shape(found.geometry), shape(again.geometry)
    assert here.symmetric_difference(there).area < 0.01 * here.area


@pytest.mark.parametrize("region", range(1, 15))
@pytest.mark.parametrize("node", [-176.0, 10.0, 100.0])
def test_the_box_around_a_swath_is_none(region: int, node: float) -> None:
    lon, lat = ring_of(node, region)
    around = box(lon.min(), lat.min(), lon.max(), lat.max())
    halves = box(-180, lat.min(), -1, lat.max()).union(box(1, lat.min(), 180, lat.max()))
    for area in (around, halves):
        with pytest.raises(FootprintError, match=r"off any ICESat-2 track|no swath"):
            from_geojson(area.__geo_interface__, near=REGION_MIDDLES[region - 1])


@pytest.mark.parametrize(
    ("geometry", "words"),
    [
        (None, "The geometry is missing"),
        ("POLYGON", "The geometry is missing"),
        ({"type": "Point", "coordinates": [1, 2]}, "The geometry is Point"),
        ({"type": "Polygon"}, "cannot be read"),
        ({"type": "Polygon", "coordinates": 7}, "cannot be read"),
        ({"type": "Polygon", "coordinates": []}, "is empty or has holes"),
        ({"type": "Polygon", "coordinates": [[[1, 2], [3, 4]]]}, "cannot be read"),
        ({"type": "Polygon", "coordinates": [[[1, 2], [1, 2], [1, 2], [1, 2]]]}, "is a box"),
        ({"type": "Polygon", "coordinates": [[[1, 2], [361, 3], [1, 4], [1, 2]]]}, "Earth"),
        ({"type": "Polygon", "coordinates": [[[1, 99], [1, 9], [2, 19], [1, 99]]]}, "the Earth"),
        (box(0, 0, 9, 9).difference(box(1, 1, 2, 2)).__geo_interface__, "or has holes"),
    ],
)
def test_what_is_no_footprint(geometry: object, words: str) -> None:
    with pytest.raises(FootprintError, match=words):
        from_geojson(geometry, near=13)


def test_real_footprints_come_back_from_geojson(real_granules: list[Granule]) -> None:
    for granule in real_granules[::10]:
        near = REGION_MIDDLES[granule.name.region - 1]
        again = from_geojson(granule.footprint.geometry, near=near)
        here, there = shape(granule.footprint.geometry), shape(again.geometry)
        assert here.symmetric_difference(there).area < 0.01 * here.area
