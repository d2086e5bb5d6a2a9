from __future__ import annotations

import json
import pickle
import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pystac
import pytest
import shapely
import shapely.affinity
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sample_items import make_item, make_table
from scripted_server import Answer, Asked, ScriptedServer
from web_folder import serve_folder

from catalog_builder.catalog.build.reindex import write_index
from catalog_builder.catalog.index import partitions
from catalog_builder.catalog.index import reader as index_file
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.index.to_arrow import to_items
from catalog_builder.catalog.serve import Host
from catalog_builder.errors import (
    CatalogError,
    CatalogNotFoundError,
    ItemNotFoundError,
    WindowError,
)

ITEMS = {item["id"]: item for item in map(make_item, range(0, 4200, 7))}
"""600 granules of twenty days, all over the Earth; every second region, each at many places."""
POLAR = {item["id"]: item for item in map(make_item, range(3, 1400, 7))}
"""200 granules of regions 4 and 11, which turn at 88°."""
WORLD = ITEMS | POLAR


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an index of several row groups."""
    folder = tmp_path_factory.mktemp("catalog")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(partitions, "MOST_ROWS", 100)
        write_index(WORLD.values(), folder / "items.parquet")
    (folder / "catalog.json").write_text("{}")
    return folder


@pytest.fixture(scope="module")
def index(catalog: Path) -> ItemIndex:
    return ItemIndex.open(catalog)


class BruteForce:
    """Which footprints meet a box, by another way: on a map that goes round thrice."""

    def __init__(self, items: dict[str, dict[str, Any]]) -> None:
        self.ids = np.array(list(items))
        shapes = np.array([shapely.geometry.shape(item["geometry"]) for item in items.values()])
        self.shapes = np.stack(
            [shapely.transform(shapes, lambda xy, by=by: xy + [by, 0]) for by in (-360, 0, 360)]  # noqa: RUF005 (numpy)
        )

    def __call__(self, box: Sequence[float]) -> set[str]:
        west, south, east, north = box
        if east < west:
            east += 360
        corners = [(west, south), (east, south), (east, north), (west, north)]
        return self.meeting(shapely.MultiPoint(corners).convex_hull)

    def meeting(self, area: shapely.Geometry) -> set[str]:
        """Those that meet an area whose longitudes go on beyond ±180."""
        return set(self.ids[shapely.intersects(area, self.shapes).any(axis=0)])


@pytest.fixture(scope="module")
def brute_force() -> BruteForce:
    return BruteForce(WORLD)


def test_item_to_parquet_and_back_is_the_identity(index: ItemIndex) -> None:
    back = {item["id"]: item for item in index.dictionaries()}
    assert back == json.loads(json.dumps(WORLD))


def test_the_real_items_come_back_as_they_were(real_data: Path, tmp_path: Path) -> None:
    from sample_items import COLLECTION

    from catalog_builder.catalog.stac.granule import parse_umm
    from catalog_builder.catalog.stac.item import to_item

    with (real_data / "cmr" / "atl03_v007_granules.umm.jsonl").open() as lines:
        items = {
            item["id"]: item
            for item in (to_item(parse_umm(json.loads(line)), COLLECTION) for line in lines)
        }
    assert write_index(items.values(), tmp_path / "items.parquet") == len(items) == 1408
    index = ItemIndex.open(tmp_path)
    assert {item["id"]: item for item in index.dictionaries()} == items
    box = (-76.623291, 38.842973, -76.506054, 38.934599)
    found = index.search(bbox=box).ids
    assert len(found) == 43
    assert set(found) == BruteForce(items)(box)


_OPTIONAL = ("sat:absolute_orbit", "processing:datetime", "storage:schemes", "auth:schemes")


@given(
    lost=st.sets(st.sampled_from(_OPTIONAL)),
    lost_assets=st.sets(st.sampled_from(["data", "https", "metadata", "thumbnail"])),
    title=st.text(max_size=6),
    size=st.integers(0, 2**40),
)
@settings(max_examples=60, deadline=None)
def test_optional_fields_come_back_where_they_are(
    lost: set[str], lost_assets: set[str], title: str, size: int
) -> None:
    odd = make_item(4)
    odd["properties"] |= {"title": title, "sat:absolute_orbit": size, "processing:datetime": "x"}
    for name in lost:
        odd["properties"].pop(name, None)
    odd["assets"]["thumbnail"] = {"href": title, "file:size": size} if size % 2 else {"href": "h"}
    odd["assets"]["thumbnail"].pop("file:size", None)
    for name in lost_assets:
        odd["assets"].pop(name, None)
    plain = make_item(11)
    back = {item["id"]: item for item in to_items(make_table([plain, odd]))}
    assert back == {plain["id"]: plain, odd["id"]: odd}


def test_a_field_that_the_index_has_no_column_for_is_told() -> None:
    item = make_item(0)
    item["properties"]["icesat2:unheard"] = 1
    with pytest.raises(CatalogError, match="does not fit the columns"):
        make_table([item])


def test_times_keep_their_microseconds() -> None:
    item = make_item(0)
    item["properties"]["end_datetime"] = "2018-10-14T00:06:43.118001Z"
    assert next(to_items(make_table([item]))) == item


def test_the_same_items_give_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    items = list(WORLD.values())
    write_index(items, tmp_path / "a.parquet")
    for seed in range(3):
        random.Random(seed).shuffle(items)
        write_index(iter(items), tmp_path / "b.parquet")
        assert (tmp_path / "b.parquet").read_bytes() == (tmp_path / "a.parquet").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.parquet", "b.parquet"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "items.parquet"
    path.write_text("old")

    def broken() -> Iterator[dict[str, Any]]:
        yield make_item(0)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_index(broken(), path)
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]


def test_rows_are_sorted_and_grouped_for_search(catalog: Path) -> None:
    file = pq.ParquetFile(catalog / "items.parquet")
    counts = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    assert len(counts) > 8
    assert max(counts) <= 100
    rows = file.read(["icesat2:region", "start_datetime", "bbox"]).to_pylist()
    keys = [
        (row["icesat2:region"], row["start_datetime"].year, row["bbox"]["xmin"]) for row in rows
    ]
    assert keys == sorted(keys)
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    geo = json.loads(file.schema_arrow.metadata[b"geo"])
    assert geo["version"] == "1.1.0"
    assert geo["columns"]["geometry"]["covering"]["bbox"]["xmin"] == ["bbox", "xmin"]


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


def test_the_limit_counts_after_all_conditions(index: ItemIndex) -> None:
    found = index.search(region=4)
    assert index.search(limit=5, region=4).ids == found.ids[:5]
    assert index.search(limit=5).search(region=4).ids == found.ids[:5]
    assert index.search(limit=250).ids == index.ids[:250]
    assert index.search(limit=5).search(limit=9).ids == index.ids[:5]
    assert len(index.search(limit=0)) == 0


@pytest.mark.parametrize(
    "condition",
    [
        {"bbox": [0, 1, 2]},
        {"datetime": "soon"},
        {"rgt": 1388},
        {"cycle": 0},
        {"region": 15},
        {"limit": -1},
        {"rgt": "five"},
        {"revision": 0},
        {"orbit_state": "up"},
        {"intersects": {"type": "Point", "coordinates": [1, 2]}},
        {"intersects": "POLYGON ((1 2, 3 4, 5 6, 1 2))"},
    ],
)
def test_conditions_that_cannot_be_are_refused(index: ItemIndex, condition) -> None:
    with pytest.raises(WindowError):
        index.search(**condition)


def test_items_are_pystac_items_that_know_where_they_lie(index: ItemIndex, catalog: Path) -> None:
    found = list(index.search(region=4, limit=2))
    assert all(isinstance(item, pystac.Item) for item in found)
    day = f"ATL03_007/cycle-01/{found[0].id[6:10]}-{found[0].id[10:12]}-{found[0].id[12:14]}"
    assert found[0].get_self_href() == str(catalog / day / f"{found[0].id}.json")
    parent = found[0].get_single_link("parent")
    assert parent is not None
    assert parent.get_absolute_href() == str(catalog / day / "catalog.json")


def test_whether_an_item_is_there(index: ItemIndex) -> None:
    few = index.search(region=4, limit=3)
    assert few.ids[0] in few
    assert index.search(region=4).ids[3] not in few
    assert index.search(region=4).ids[3] in index.search(region=4)
    assert index.search(region=11).ids[0] not in index.search(region=4)
    assert "ATL03_nothing" not in index
    assert 5 not in index


def test_one_item_by_its_id(index: ItemIndex) -> None:
    wanted = next(iter(POLAR))
    assert index.item(wanted).id == wanted
    with pytest.raises(ItemNotFoundError, match="'ATL03_nothing'"):
        index.item("ATL03_nothing")
    with pytest.raises(ItemNotFoundError):
        index.search(region=5).item(wanted)


def test_tables(index: ItemIndex) -> None:
    found = index.search(region=11)
    table = found.to_table()
    assert table["id"].to_pylist() == found.ids
    assert found.to_table(["id", "title"]).column_names == ["id", "title"]
    frame = found.to_geodataframe()
    assert list(frame["id"]) == found.ids
    assert frame.crs.to_epsg() == 4326
    assert all(frame.geometry.is_valid)
    nothing = index.search(cycle=2)
    assert nothing.to_table().schema.names == table.schema.names
    assert (len(nothing.to_table()), list(nothing), len(nothing.to_geodataframe())) == (0, [], 0)


def test_an_index_pickles_to_its_address_and_conditions(index: ItemIndex) -> None:
    square = shapely.box(0, 60, 90, 90)
    found = index.search(region=4, bbox=[0, 60, 90, 90], intersects=square, precise=True)
    found.ids  # noqa: B018 (opens the file)
    data = pickle.dumps(found)
    assert len(data) < 1500
    assert pickle.loads(data).ids == found.ids


def test_repr_reads_nothing(tmp_path: Path) -> None:
    text = repr(ItemIndex.open(tmp_path / "nowhere").search(rgt=5, datetime="2019"))
    assert "nowhere" in text
    assert "sat:relative_orbit=5" in text
    assert "datetime=2019-01-01T00:00:00Z/2019-12-31T23:59:59Z" in text
    square = shapely.box(0, 60, 90, 90)
    text = repr(ItemIndex.open(tmp_path).search(intersects=square, revision=2, precise=True))
    assert "intersects=Polygon of 5 positions within [0, 60, 90, 90], precise=True" in text
    assert "icesat2:revision=2" in text


def test_the_address_may_be_the_folder_or_its_files(catalog: Path, index: ItemIndex) -> None:
    for address in (
        str(catalog),
        f"{catalog}/",
        catalog / "items.parquet",
        catalog / "catalog.json",
        f"{catalog}/catalog.yml",
        catalog.as_uri(),
    ):
        assert len(ItemIndex.open(address)) == len(WORLD)


def test_a_place_without_a_catalog_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogNotFoundError, match="nowhere"):
        len(ItemIndex.open(tmp_path / "nowhere"))


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "inside"])
def test_a_damaged_index_is_an_error_that_names_it(
    catalog: Path, tmp_path: Path, damage: str
) -> None:
    whole = (catalog / "items.parquet").read_bytes()
    body = {
        "empty": b"",
        "text": b"<!doctype html>" * 10,
        "cut": whole[: len(whole) // 2],
        "inside": whole[:200] + bytes(len(whole) // 2) + whole[200 + len(whole) // 2 :],
    }[damage]
    (tmp_path / "items.parquet").write_bytes(body)
    with pytest.raises(CatalogError, match=r"items\.parquet"):
        list(ItemIndex.open(tmp_path))


def test_another_parquet_file_is_no_index(tmp_path: Path) -> None:
    import pyarrow as pa

    pq.write_table(pa.table({"id": ["a"]}), tmp_path / "items.parquet")
    with pytest.raises(CatalogError, match="no item index: it lacks icesat2:region"):
        len(ItemIndex.open(tmp_path))


def test_over_http_a_search_is_exact_and_reads_little(
    catalog: Path, index: ItemIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_file, "END", 100_000)
    size = (catalog / "items.parquet").stat().st_size
    with serve(Ranges, catalog) as (url, seen):
        remote = ItemIndex.open(url)
        assert seen == []
        found = remote.search(region=4, bbox=[0, 60, 90, 90])
        assert found.ids == index.search(region=4, bbox=[0, 60, 90, 90]).ids
        assert len(seen) <= 4
        assert sum(seen) < size / 2
        item = next(iter(found))
        assert (item.get_self_href() or "").startswith(f"{url}/ATL03_007/cycle-01/2018-")
        assert pickle.loads(pickle.dumps(found)).ids == found.ids


def test_over_http_what_was_read_is_kept(catalog: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_file, "END", 100_000)
    with serve(Ranges, catalog) as (url, seen):
        remote = ItemIndex.open(url)
        found = remote.search(region=4, bbox=[0, 60, 90, 90])
        len(found)
        seen.clear()
        assert len(found.ids) == len(found)
        assert remote.search(region=4, bbox=[0, 60, 90, 90]).ids == found.ids
        assert all(one in found for one in found.ids)
        assert not seen
        assert 0 < len(found.search(datetime="2018-10-15/2018-10-20")) < len(found)
        assert 0 < sum(seen) < 5000  # the times, and nothing else


def test_over_http_what_boxes_tell_costs_no_geometry(
    catalog: Path, brute_force: BruteForce, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_file, "END", 100_000)
    box = (-180, 80, 180, 90)
    with serve(Ranges, catalog) as (url, seen):
        found = ItemIndex.open(url).search(bbox=box)
        assert set(found.ids) == brute_force(box) != set()
        assert sum(seen[1:]) < 40_000


def test_our_own_host_serves_it(
    catalog: Path, index: ItemIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Host(catalog) as host:
        for end in (1000, 100_000, 2**20):
            monkeypatch.setattr(index_file, "END", end)
            found = ItemIndex.open(host.url).search(region=4, bbox=[0, 60, 90, 90])
            assert found.ids == index.search(region=4, bbox=[0, 60, 90, 90]).ids


def test_over_http_a_footer_longer_than_expected_costs_one_request_more(
    catalog: Path, index: ItemIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_file, "END", 1000)
    with serve(Ranges, catalog) as (url, seen):
        assert len(ItemIndex.open(url)) == len(index)
        assert len(seen) == 2
        assert sum(seen) < 100_000


def test_over_http_a_small_index_comes_whole(
    catalog: Path, index: ItemIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_file, "END", 2**20)
    with serve(Ranges, catalog) as (url, seen):
        remote = ItemIndex.open(url)
        assert remote.search(bbox=[0, 60, 90, 90]).ids == index.search(bbox=[0, 60, 90, 90]).ids
        assert list(remote.search(limit=3).dictionaries())
        assert len(seen) == 1


def test_the_first_item_costs_its_own_row_group_alone(
    catalog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_file, "END", 100_000)
    with serve(Ranges, catalog) as (url, seen):
        found = ItemIndex.open(url).search(region=4)
        len(found)
        seen.clear()
        assert next(found.dictionaries())["properties"]["icesat2:region"] == 4
        assert len(seen) <= 2


def test_a_home_that_is_not_there_is_told() -> None:
    with pytest.raises(CatalogError, match="give an absolute path"):
        ItemIndex.open("~nobody-of-this-name/catalog")


@pytest.mark.parametrize("status", [416, 501])
def test_a_host_that_does_not_count_from_the_end(
    catalog: Path, index: ItemIndex, status: int
) -> None:
    plain = serve_folder(catalog)

    def answer(asked: Asked) -> Answer:
        suffix = asked.headers.get("Range", "").startswith("bytes=-")
        return Answer(status=status) if suffix else plain(asked)

    with ScriptedServer(answer) as server:
        assert ItemIndex.open(server.url).search(region=4).ids == index.search(region=4).ids


def test_an_index_that_changes_under_a_reader_is_an_error(
    catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_file, "END", 100_000)
    path = tmp_path / "items.parquet"
    path.write_bytes((catalog / "items.parquet").read_bytes())
    with serve(Ranges, tmp_path) as (url, _):
        index = ItemIndex.open(url)
        len(index)
        path.write_bytes(path.read_bytes()[:1000])
        with pytest.raises(CatalogError, match=r"items\.parquet cannot be read"):
            index.search(region=11).ids  # noqa: B018


def test_a_host_without_ranges_serves_too(catalog: Path, index: ItemIndex) -> None:
    with serve(Whole, catalog) as (url, _):
        found = ItemIndex.open(url).search(region=4)
        assert found.ids == index.search(region=4).ids


def test_a_missing_index_behind_a_url_is_named_without_its_query(catalog: Path) -> None:
    with Host(catalog) as host:
        with pytest.raises(CatalogNotFoundError) as caught:
            len(ItemIndex.open(f"{host.url}/other/?token=secret"))
        assert "/other/items.parquet" in str(caught.value)
        assert "secret" not in str(caught.value)
        url = host.url
    with pytest.raises(CatalogError, match="cannot be read"):
        len(ItemIndex.open(url))


def test_many_threads_search_one_index(catalog: Path, index: ItemIndex) -> None:
    shared = ItemIndex.open(catalog)
    found: dict[int, list[str]] = {}

    def search(region: int) -> None:
        found[region] = shared.search(region=region, bbox=[-180, -90, 180, 90]).ids

    threads = [threading.Thread(target=search, args=(region,)) for region in range(1, 15)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {region: index.search(region=region).ids for region in range(1, 15)}


class Whole(SimpleHTTPRequestHandler):
    """Python's own web server, which knows no ranges."""

    protocol_version = "HTTP/1.1"
    seen: list[int]

    def log_message(self, *_: object) -> None:
        pass


class Ranges(Whole):
    """One that serves ranges, and keeps the size of each answer."""

    def do_GET(self) -> None:
        body = Path(self.translate_path(self.path)).read_bytes()
        first, last = self.headers["Range"][6:].split("-")
        begin = int(first) if first else max(len(body) - int(last), 0)
        part = body[begin : int(last) + 1 if first else None]
        self.seen.append(len(part))
        self.send_response(206)
        self.send_header("Content-Length", str(len(part)))
        self.send_header("Content-Range", f"bytes {begin}-{begin + len(part) - 1}/{len(body)}")
        self.end_headers()
        self.wfile.write(part)


@contextmanager
def serve(handler: type[Whole], folder: Path) -> Iterator[tuple[str, list[int]]]:
    handler.seen = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", handler.seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
