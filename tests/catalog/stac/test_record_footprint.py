"""Footprints of granules that are not cut by region, against the tracks that they fly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import shapely

from catalog_builder.catalog.cmr.umm_g import HorizontalSpatialDomain
from catalog_builder.catalog.footprint.raw_footprint import ring as raw_ring
from catalog_builder.catalog.footprint.raw_footprint import rings_of_revolutions
from catalog_builder.catalog.footprint.swath import Footprint, footprint
from catalog_builder.catalog.stac.granule import parse_umm
from catalog_builder.catalog.stac.record_footprint import record_footprint
from catalog_builder.errors import FootprintError, RecordError
from catalog_builder.geo.area import Area
from catalog_builder.geo.orbit import node_of_track
from catalog_builder.products.granule_name import GranuleName
from earthdata_standin.rings import ring
from earthdata_standin.tracks import PERIOD, Pass

STRETCHES = {
    "ATL07-01": (0.0, 180.0),
    "ATL10-02": (180.0, 360.0),
    "ATL07-02": (207.0, 333.0),
    "ATL13": (0.0, 4 * 360.0),
}
TRACKS = (1, 119, 664, 1387)


def flown(rgt: int) -> Pass:
    return Pass(rgt=rgt, cycle=3, region=1)


def name_of(product: str, rgt: int) -> GranuleName:
    return GranuleName.parse(f"{product}_20190330212241_{rgt:04d}0301_007_01.h5")


def read(product: str, rgt: int, domain: Mapping[str, Any], degrees: float) -> Footprint:
    lasting = timedelta(seconds=PERIOD * degrees / 360)
    parsed = msgspec.convert(domain, HorizontalSpatialDomain)
    return footprint(record_footprint(parsed, name_of(product, rgt), lasting))


def polygon(points: list[tuple[float, float]]) -> dict[str, Any]:
    return {"Boundary": {"Points": [{"Longitude": x, "Latitude": y} for x, y in points]}}


def by_ring(rgt: int, start: float, end: float) -> dict[str, Any]:
    points = ring(flown(rgt), np.random.default_rng(rgt), stretch=(start, end))
    return {"Geometry": {"GPolygons": [polygon(points)]}}


def by_rings(rgt: int, start: float, end: float) -> dict[str, Any]:
    """A ring for each half revolution."""
    cuts = [*np.arange(start, end, 180.0), end]
    rings = [
        polygon(ring(flown(rgt), np.random.default_rng(rgt), stretch=(a, b)))
        for a, b in pairwise(cuts)
    ]
    return {"Geometry": {"GPolygons": rings}}


def by_orbit(rgt: int, start: float, end: float) -> dict[str, Any]:
    (first, last) = flown(rgt).position(np.array([start, end]))[1].tolist()
    return {
        "Orbit": {
            "AscendingCrossing": flown(rgt).node_longitude,
            "StartLatitude": first,
            "StartDirection": "A" if (start + 90) % 360 < 180 else "D",
            "EndLatitude": last,
            "EndDirection": "A" if (end + 90) % 360 < 180 else "D",
        }
    }


def share_inside(found: Footprint, rgt: int, start: float, end: float, left: float) -> float:
    """Of points beside the track, how many lie in the footprint."""
    u = np.linspace(start + 0.01, end - 0.01, 6000)
    lon, lat = flown(rgt).position(u, np.full_like(u, left))
    return float(shapely.intersects_xy(found.shape, lon, lat).mean())


@pytest.mark.parametrize("product", STRETCHES)
@pytest.mark.parametrize("rgt", TRACKS)
@pytest.mark.parametrize("form", [by_ring, by_orbit])
def test_it_covers_its_tracks_and_little_else(product: str, rgt: int, form: Any) -> None:
    start, end = STRETCHES[product]
    found = read(product, rgt, form(rgt, start, end), end - start)
    assert found.shape.is_valid
    assert share_inside(found, rgt, start, end, 3_345.0) == 1.0
    assert share_inside(found, rgt, start, end, -3_345.0) == 1.0
    # Beside it lie only the crossings with itself, and the turns.
    assert share_inside(found, rgt, start, end, 20_000.0) < 0.03
    assert share_inside(found, rgt, start, end, -20_000.0) < 0.03


@pytest.mark.parametrize("rgt", TRACKS)
def test_several_rings_are_one_footprint(rgt: int) -> None:
    start, end = STRETCHES["ATL13"]
    found = read("ATL13", rgt, by_rings(rgt, start, end), end - start)
    whole = read("ATL13", rgt, by_ring(rgt, start, end), end - start)
    assert share_inside(found, rgt, start, end, 3_345.0) == 1.0
    between = found.shape.symmetric_difference(whole.shape).area
    assert between < 0.02 * whole.shape.area


def test_a_search_finds_each_of_its_revolutions_and_nothing_between() -> None:
    found = read("ATL13", 119, by_ring(119, 0.0, 1440.0), 1440.0)
    for revolution in range(4):
        u = np.array([20.0 + 360.0 * revolution])
        (lon,), (lat,) = flown(119).position(u)
        assert Area.of_box((lon - 0.1, lat - 0.1, lon + 0.1, lat + 0.1)).meets(
            np.array([found.shape])
        )
        between = lon - 12.0
        assert not Area.of_box((between - 4, lat - 1, between + 4, lat + 1)).meets(
            np.array([found.shape])
        )


def test_a_ring_off_its_tracks_is_refused() -> None:
    with pytest.raises(FootprintError, match=r"up to \d+\.\d degrees off its ICESat-2 track"):
        read("ATL13", 600, by_ring(119, 0.0, 1440.0), 1440.0)


def test_times_of_more_revolutions_than_any_granule_are_refused() -> None:
    for form in (by_ring, by_orbit):
        with pytest.raises(FootprintError, match="span 1,000 revolutions"):
            read("ATL13", 119, form(119, 0.0, 1440.0), 360_000.0)


def test_an_orbit_of_no_time_that_ends_where_it_starts_is_refused() -> None:
    with pytest.raises(FootprintError, match="starts and ends at the same place"):
        read("ATL13", 119, by_orbit(119, 0.0, 1440.0), 0.0)


def test_a_granule_of_a_region_is_of_one_ring_whatever_its_times() -> None:
    domain = by_rings(119, 0.0, 300.0)
    with pytest.raises(RecordError, match="2 polygons in GPolygons: expected one"):
        read("ATL03", 119, domain, 300.0)


def test_real_rings_are_followed_from_their_tracks(real_data: Path) -> None:
    """As if they were of a longer granule: the same swath as by their region."""
    lines = (real_data / "cmr" / "atl03_v007_granules.umm.jsonl").read_text().splitlines()
    for line in lines[::40]:
        umm = json.loads(line)["umm"]
        name = GranuleName.parse(umm["GranuleUR"])
        (one,) = umm["SpatialExtent"]["HorizontalSpatialDomain"]["Geometry"]["GPolygons"]
        points = one["Boundary"]["Points"]
        lon, lat = ([p[key] for p in points] for key in ("Longitude", "Latitude"))
        expected = footprint(raw_ring(lon, lat, near=name.middle)).shape
        found = footprint(rings_of_revolutions([(lon, lat)], rgt=name.rgt, flown=360.0)).shape
        assert found.symmetric_difference(expected).area < 0.01 * expected.area  # both as drawn


@pytest.mark.parametrize("product", ["ATL06", "ATL08"])
def test_real_orbits_are_those_of_their_tracks(real_data: Path, product: str) -> None:
    answer = (real_data / "siblings" / f"{product}_v005_granules.umm.json").read_text()
    (record,) = json.loads(answer)["items"]
    granule = parse_umm(record)
    domain = record["umm"]["SpatialExtent"]["HorizontalSpatialDomain"]
    node = domain["Orbit"]["AscendingCrossing"]
    assert abs((node_of_track(granule.name.rgt) - node + 180) % 360 - 180) < 0.2
    pass_ = Pass(rgt=granule.name.rgt, cycle=granule.name.cycle, region=granule.name.region)
    start, end = pass_.u_range
    u = np.linspace(start + 0.2, end - 0.2, 500)
    inside = shapely.intersects_xy(granule.footprint.shape, *pass_.position(u))
    assert inside.all()
