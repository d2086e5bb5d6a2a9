"""The rows that a search finds in one version of an index."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog_builder.catalog.index.catalog_location import CatalogLocation
from catalog_builder.catalog.index.hits import find_rows
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.index.search import Search
from catalog_builder.catalog.index.snapshot import Snapshot
from catalog_builder.catalog.index.spatial_condition import SpatialCondition
from catalog_builder.catalog.stac.layout import INDEX
from catalog_builder.geo.area import Area
from tests.catalog.index.searched_items import WORLD


def test_the_limit_counts_after_all_conditions(index: ItemIndex) -> None:
    found = index.search(region=4)
    assert index.search(limit=5, region=4).ids == found.ids[:5]
    assert index.search(limit=5).search(region=4).ids == found.ids[:5]
    assert index.search(limit=250).ids == index.ids[:250]
    assert index.search(limit=5).search(limit=9).ids == index.ids[:5]
    assert len(index.search(limit=0)) == 0


class Counted(Snapshot):
    """A snapshot that notes which row groups are read, and which columns of them."""

    def read_each(self, groups: Any, columns: Any = None, **options: Any) -> Any:
        if groups:
            self.reads.append((list(groups), columns))
        return super().read_each(groups, columns, **options)


@pytest.fixture
def counted(catalog: Path) -> Counted:
    metadata = pq.read_metadata(catalog / INDEX)
    source = pa.OSFile(str(catalog / INDEX))
    snapshot = Counted(CatalogLocation.parse(catalog), metadata, source=source)
    snapshot.reads = []
    return snapshot


def test_without_conditions_every_row_is_found_and_nothing_is_read(counted: Counted) -> None:
    found = find_rows(Search(), counted)
    assert {group: len(rows) for group, rows in found.items()} == {
        group: counted.rows(group) for group in range(counted.groups)
    }
    assert counted.reads == []
    assert find_rows(Search(limit=0), counted) == {}


def test_with_a_limit_row_groups_are_read_until_it_is_reached(counted: Counted) -> None:
    everything = find_rows(Search(values=(("sat:orbit_cycle", 1),)), counted)
    counted.reads.clear()
    found = find_rows(Search(values=(("sat:orbit_cycle", 1),), limit=3), counted)
    assert [groups for groups, _ in counted.reads] == [[0]]
    assert {group: rows.tolist() for group, rows in found.items()} == {
        0: everything[0][:3].tolist()
    }
    counted.reads.clear()
    more = counted.rows(0) + 1
    found = find_rows(Search(values=(("sat:orbit_cycle", 1),), limit=more), counted)
    assert [groups for groups, _ in counted.reads] == [[0], [1, 2]]
    assert sum(map(len, found.values())) == more


def test_footprints_are_read_only_of_rows_that_boxes_leave_open(counted: Counted) -> None:
    whole_earth = SpatialCondition(area=Area.of_box((-180.0, -90.0, 180.0, 90.0)))
    find_rows(Search(spatial=(whole_earth,)), counted)
    assert not any(columns == ["geometry"] for _, columns in counted.reads)
    west, south, east, north = next(iter(WORLD.values()))["bbox"]
    middle, half = (west + east) / 2, (south + north) / 2
    small = SpatialCondition(area=Area.of_box((middle, half, middle + 0.1, half + 0.1)))
    find_rows(Search(spatial=(small,)), counted)
    (opened,) = [groups for groups, columns in counted.reads if columns == ["geometry"]]
    assert 0 < len(opened) < counted.groups
