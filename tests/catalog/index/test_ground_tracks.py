"""Searches that ask the beams' ground tracks rather than the footprint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
import shapely.affinity
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_items import make_item

from catalog_builder.beams.scanning.track import simplified_track
from catalog_builder.catalog.build.reindex import write_index
from catalog_builder.catalog.index import partitions
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.geo import orbit
from catalog_builder.products.atl03 import BEAMS
from catalog_builder.products.granule_name import REGION_MIDDLES

_ACROSS = dict(zip(BEAMS, (0.030, 0.029, 0.0, -0.001, -0.029, -0.030), strict=True))
"""Degrees of arc across track; the footprints are 0.056 to either side."""


def indexed(number: int) -> dict[str, Any]:
    """An item as an indexed one, with its tracks; beams and photons may be missing."""
    item = make_item(number)
    shape = shapely.geometry.shape(item["geometry"])
    lon, lat = shapely.get_coordinates(shape).T
    near = REGION_MIDDLES[item["properties"]["icesat2:region"] - 1]
    node = orbit.find_node(lon, lat, near)
    u, _ = orbit.to_orbit(lon, lat, node, near)
    flown = np.linspace(u.min(), u.max(), 400)
    beams = {}
    for beam, across in _ACROSS.items():
        if beam == "gt3r" and number % 2:
            continue
        x, y = orbit.from_orbit(flown, np.full(400, across), node)
        track = simplified_track((x + 180) % 360 - 180, y)
        beams[beam] = {
            "strength": "strong",
            "photons": 5,
            "track": [list(point) for point in track],
        }
        if beam == "gt1l" and number % 3 == 0:
            beams[beam] |= {"photons": 0, "track": []}
        if beam == "gt1r" and number % 5 == 0:
            beams[beam] |= {"photons": 1, "track": [list(track[0])]}
    item["properties"]["icesat2:beams"] = beams
    return item


ITEMS = {
    item["id"]: item
    for item in (
        indexed(number) if number % 4 else make_item(number) for number in range(0, 2100, 7)
    )
} | {item["id"]: item for item in map(indexed, range(3, 700, 14))}
"""350 granules everywhere, those that turn at 88° too; of every eighth no track is known."""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> ItemIndex:
    folder = tmp_path_factory.mktemp("indexed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(partitions, "MOST_ROWS", 60)
        write_index(ITEMS.values(), folder / "items.parquet")
    return ItemIndex.open(folder)


class BruteForce:
    """What meets an area, on a map that goes round thrice: lines where there are any."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        shapes: list[Any] = []
        for name, item in ITEMS.items():
            for shape in self._shapes(item):
                for turn in (-360, 0, 360):
                    self.ids.append(name)
                    shapes.append(shapely.affinity.translate(shape, xoff=turn))
        self.shapes = np.array(shapes)

    @staticmethod
    def _shapes(item: dict[str, Any]) -> list[Any]:
        facts = item["properties"].get("icesat2:beams")
        if not facts:
            return [shapely.geometry.shape(item["geometry"])]
        lines = []
        for beam in facts.values():
            if beam["track"]:
                lon, lat = np.array(beam["track"]).T
                places = np.column_stack((np.unwrap(lon, period=360), lat))
                lines.append(
                    shapely.LineString(places) if len(places) > 1 else shapely.Point(places[0])
                )
        return lines

    def __call__(self, area: Any) -> set[str]:
        return set(np.array(self.ids)[shapely.intersects(area, self.shapes)])


@pytest.fixture(scope="module")
def brute_force() -> BruteForce:
    return BruteForce()


@given(
    lon=st.floats(-180, 180) | st.sampled_from([-180.0, 180.0, 179.9]),
    lat=st.floats(-90, 90) | st.sampled_from([88.0, -88.0, 87.9]),
    size=st.sampled_from([0.01, 0.2, 3, 40]),
    as_polygon=st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_exactly_those_are_found_whose_tracks_meet_it(
    index: ItemIndex,
    brute_force: BruteForce,
    lon: float,
    lat: float,
    size: float,
    as_polygon: bool,
) -> None:
    south, north = max(lat - size, -90), min(lat + size, 90)
    area = shapely.box(lon - size, south, lon + size, north)
    if as_polygon:
        found = index.search(intersects=area, precise=True)
    else:
        west, east = lon - size, lon + size
        box = [
            west + 360 if west < -180 else west,
            south,
            east - 360 if east > 180 else east,
            north,
        ]
        found = index.search(bbox=box, precise=True)
    assert set(found.ids) == brute_force(area)


def test_what_lies_beside_the_tracks_is_in_the_footprint_alone(index: ItemIndex) -> None:
    item = indexed(7)
    lon, lat = item["properties"]["icesat2:beams"]["gt2l"]["track"][1]
    aside = 0.045 / np.cos(np.radians(lat))
    box = [lon + aside - 1e-4, lat - 1e-4, lon + aside + 1e-4, lat + 1e-4]
    assert item["id"] in index.search(bbox=box)
    precisely = index.search(bbox=box, precise=True)
    assert item["id"] not in precisely
    near = [lon - 1e-3, lat - 1e-3, lon + 1e-3, lat + 1e-3]
    assert item["id"] in index.search(bbox=near, precise=True)
    # Each search is precise by itself, or not; conditions add up.
    assert item["id"] in index.search(bbox=box).search(bbox=near, precise=True)
    assert item["id"] not in index.search(bbox=box, precise=True).search(bbox=near)
    assert index.search(precise=True).ids == index.ids


def test_without_any_track_footprints_count(tmp_path: Path) -> None:
    items = [make_item(number) for number in range(28)]
    write_index(items, tmp_path / "items.parquet")
    plain = ItemIndex.open(tmp_path)
    box = [-180, 60, 180, 90]
    assert plain.search(bbox=box, precise=True).ids == plain.search(bbox=box).ids != []


def test_items_come_back_whole(index: ItemIndex) -> None:
    found = index.search(bbox=[-180, -90, 180, 90], precise=True)
    back = {item["id"]: item for item in found.dictionaries()}
    assert back == json.loads(json.dumps(ITEMS))
