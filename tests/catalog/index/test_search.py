"""Conditions of a search, compared with a search of all items one by one."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import shapely
import shapely.affinity
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sample_items import make_item

from catalog_builder.catalog.build.reindex import write_index
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.errors import (
    CatalogError,
)
from tests.catalog.index.searched_items import WORLD, BruteForce

longitudes = st.one_of(st.floats(-180, 180), st.sampled_from([-180.0, 180.0, 0.0]))


latitudes = st.one_of(st.floats(-90, 90), st.sampled_from([-90.0, 90.0, 88.0, -88.0]))


@given(west=longitudes, east=longitudes, lats=st.tuples(latitudes, latitudes))
@settings(max_examples=150, deadline=None)
def test_a_box_finds_exactly_the_footprints_that_meet_it(
    index: ItemIndex,
    brute_force: BruteForce,
    west: float,
    east: float,
    lats: tuple[float, float],
) -> None:
    box = (west, min(lats), east, max(lats))
    found = index.search(bbox=box)
    assert set(found.ids) == brute_force(box)
    assert len(found) == len(found.ids)


@pytest.fixture(scope="module")
def sorted_by_longitude(catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> ItemIndex:
    """The same rows in another order: groups whose statistics tell of longitudes."""
    folder = tmp_path_factory.mktemp("by longitude")
    rows = pq.read_table(catalog / "items.parquet")
    west = rows["bbox"].combine_chunks().field("xmin").to_numpy()
    pq.write_table(rows.take(np.argsort(west)), folder / "items.parquet", row_group_size=25)
    return ItemIndex.open(folder)


@given(
    west=longitudes,
    width=st.sampled_from([0, 0.1, 5, 60, 350]),
    south=latitudes,
    height=st.sampled_from([0, 0.1, 5, 60]),
)
@settings(max_examples=150, deadline=None)
def test_statistics_of_any_order_lose_nothing(
    sorted_by_longitude: ItemIndex,
    brute_force: BruteForce,
    west: float,
    width: float,
    south: float,
    height: float,
) -> None:
    east = west + width if west + width <= 180 else west + width - 360
    box = (west, south, east, min(south + height, 90))
    assert set(sorted_by_longitude.search(bbox=box).ids) == brute_force(box)


@given(
    middle=st.tuples(longitudes, latitudes),
    spokes=st.lists(st.floats(0.01, 40), min_size=3, max_size=9),
    hole=st.booleans(),
    way=st.sampled_from(["beyond", "jumping", "split"]),
)
@settings(max_examples=150, deadline=None)
def test_a_polygon_finds_exactly_the_footprints_that_meet_it(
    index: ItemIndex,
    brute_force: BruteForce,
    middle: tuple[float, float],
    spokes: list[float],
    hole: bool,
    way: str,
) -> None:
    angles = np.linspace(0, 2 * np.pi, len(spokes), endpoint=False)
    away = np.column_stack((np.cos(angles), np.sin(angles))) * np.array(spokes)[:, None]
    star = shapely.Polygon(np.round(away + np.array(middle), 6))
    if hole:
        inner = shapely.Polygon(np.round(away / 2 + np.array(middle), 6))
        star = star.difference(inner)
    star = star.intersection(shapely.box(-540, -90, 540, 90))
    assume(isinstance(star, shapely.Polygon) and star.is_valid and star.area > 0)
    asked = shapely.geometry.mapping(star)
    if way == "jumping":
        moved = [[((x + 180) % 360 - 180, y) for x, y in ring] for ring in asked["coordinates"]]
        asked = {"type": "Polygon", "coordinates": moved}
    elif way == "split":
        strips = [shapely.box(turn - 180, -90, turn + 180, 90) for turn in (-360, 0, 360)]
        parts = [
            shapely.affinity.translate(star.intersection(strip), xoff=-turn)
            for strip, turn in zip(strips, (-360, 0, 360), strict=True)
        ]
        flat = [p for part in parts for p in shapely.get_parts(part) if p.area > 1e-12]
        asked = shapely.geometry.mapping(shapely.MultiPolygon(flat))
    assert set(index.search(intersects=asked).ids) == brute_force.meeting(star)


@given(
    lats=st.lists(st.floats(50, 89.9), min_size=4, max_size=12),
    side=st.sampled_from([1, -1]),
    start=st.floats(-180, 179),
)
@settings(max_examples=60, deadline=None)
def test_a_polygon_around_a_pole_finds_what_lies_within(
    index: ItemIndex, brute_force: BruteForce, lats: list[float], side: int, start: float
) -> None:
    steps = np.linspace(0, 360, len(lats), endpoint=False)
    ring = [(start + step, side * lat) for step, lat in zip(steps, lats, strict=True)]
    asked = [((lon + 180) % 360 - 180, lat) for lon, lat in ring]
    found = index.search(intersects={"type": "Polygon", "coordinates": [[*asked, asked[0]]]})
    path = [(lon + turn, lat) for turn in (-360, 0, 360) for lon, lat in ring]
    cap = shapely.Polygon([*path, (path[-1][0], side * 90), (path[0][0], side * 90)])
    assert set(found.ids) == brute_force.meeting(cap)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_small_box_or_point_on_a_footprint_finds_it(
    index: ItemIndex, data: st.DataObject
) -> None:
    item = data.draw(st.sampled_from(list(WORLD.values())))
    parts = shapely.geometry.shape(item["geometry"])
    part = data.draw(st.sampled_from(list(getattr(parts, "geoms", [parts]))))
    place = part.representative_point()
    half = data.draw(st.sampled_from([0, 1e-6, 0.1]))
    west, east = place.x - half, place.x + half
    box = [
        west + 360 if west < -180 else west,
        place.y - half,
        east - 360 if east > 180 else east,
        place.y + half,
    ]
    assert item["id"] in index.search(bbox=box).ids


def test_the_antimeridian_is_one_place_by_either_name(index: ItemIndex) -> None:
    east, west = ([lon, -60, lon, 60] for lon in (180, -180))
    both = index.search(bbox=[180, -60, -180, 60]).ids
    assert len(both) >= 5
    assert index.search(bbox=east).ids == index.search(bbox=west).ids == both


@given(
    first=st.datetimes(datetime(2018, 10, 10), datetime(2018, 11, 10)),
    last=st.datetimes(datetime(2018, 10, 10), datetime(2018, 11, 10)),
    shape=st.sampled_from(["closed", "from", "until"]),
)
@settings(max_examples=60, deadline=None)
def test_an_interval_finds_what_overlaps_it(
    index: ItemIndex, first: datetime, last: datetime, shape: str
) -> None:
    first, last = sorted((first, last))
    start, end = f"{first.isoformat()}Z", f"{last.isoformat()}Z"
    asked = {"closed": (start, end), "from": (start, ".."), "until": ("..", end)}[shape]

    def overlaps(properties: dict[str, Any]) -> bool:
        begins = datetime.fromisoformat(properties["start_datetime"][:-1])
        ends = datetime.fromisoformat(properties["end_datetime"][:-1])
        return (shape == "until" or ends >= first) and (shape == "from" or begins <= last)

    expected = {id_ for id_, item in WORLD.items() if overlaps(item["properties"])}
    assert set(index.search(datetime=asked).ids) == expected
    assert set(index.search(datetime="/".join(asked)).ids) == expected


def test_track_cycle_and_region(index: ItemIndex) -> None:
    for condition, column in [
        ({"rgt": 8}, "sat:relative_orbit"),
        ({"cycle": 1}, "sat:orbit_cycle"),
        ({"region": 4}, "icesat2:region"),
    ]:
        ((_, value),) = condition.items()
        expected = {i for i, item in WORLD.items() if item["properties"][column] == value}
        assert expected
        assert set(index.search(**condition).ids) == expected
    assert index.search(cycle=2).ids == []


def test_orbit_state_and_revision(tmp_path: Path) -> None:
    second = [make_item(number, revision=2) for number in range(30, 40)]
    write_index([*map(make_item, range(30)), *second], tmp_path / "items.parquet")
    index = ItemIndex.open(tmp_path)
    for state in ("ascending", "descending", "crossing"):
        found = index.search(orbit_state=state)
        assert {item.properties["sat:orbit_state"] for item in found} == {state}
        assert 0 < len(found) < len(index)
    assert {item["icesat2:region"] for item in _properties(index, orbit_state="crossing")} == {
        4,
        11,
    }
    assert set(index.search(revision=2).ids) == {item["id"] for item in second}
    assert len(index.search(revision=2, orbit_state="descending").search(revision=1)) == 0


def _properties(index: ItemIndex, **conditions: Any) -> list[dict[str, Any]]:
    return [item["properties"] for item in index.search(**conditions).dictionaries()]


def test_an_index_without_the_column_says_so(tmp_path: Path) -> None:
    write_index([make_item(1)], tmp_path / "items.parquet")
    rows = pq.read_table(tmp_path / "items.parquet")
    pq.write_table(rows.drop_columns(["icesat2:revision"]), tmp_path / "items.parquet")
    index = ItemIndex.open(tmp_path)
    assert len(index.search(orbit_state="ascending")) == 1
    with pytest.raises(CatalogError, match="no column icesat2:revision"):
        len(index.search(revision=1))


def test_rows_in_any_order_and_without_statistics_are_found(
    index: ItemIndex, catalog: Path, tmp_path: Path
) -> None:
    rows = pq.read_table(catalog / "items.parquet")
    shuffled = rows.take(np.random.default_rng(3).permutation(len(rows)))
    pq.write_table(shuffled, tmp_path / "items.parquet", row_group_size=77, write_statistics=False)
    other = ItemIndex.open(tmp_path)
    for conditions in (
        {"region": 4},
        {"bbox": [170, -60, -170, 88]},
        {"datetime": "2018-10-16", "orbit_state": "descending"},
        {"ids": list(WORLD)[3:9]},
    ):
        assert set(other.search(**conditions).ids) == set(index.search(**conditions).ids)


def test_conditions_add_up(index: ItemIndex) -> None:
    box, days = [-180, 60, 180, 90], "2018-10-15/2018-10-16"
    together = index.search(bbox=box, datetime=days, region=4)
    assert index.search(bbox=box).search(region=4).search(datetime=days).ids == together.ids
    assert 0 < len(together) < len(index.search(bbox=box, region=4))
    assert len(together.search(bbox=[-180, -90, 180, -60])) == 0
    assert together.search(region=5).ids == []
    assert index.search(ids=together.ids[:3]).search(ids=together.ids[2:4]).ids == [
        together.ids[2]
    ]
