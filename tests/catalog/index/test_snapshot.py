"""One version of an index: what is read of it, and what is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog_builder.catalog.index import reader as index_file
from catalog_builder.catalog.index import snapshot as snapshot_module
from catalog_builder.catalog.index.catalog_location import CatalogLocation
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.index.snapshot import Snapshot
from catalog_builder.errors import (
    CatalogError,
)
from tests.catalog.index.range_server import Ranges, serve
from tests.catalog.index.searched_items import BruteForce


def test_another_parquet_file_is_no_index(tmp_path: Path) -> None:
    import pyarrow as pa

    pq.write_table(pa.table({"id": ["a"]}), tmp_path / "items.parquet")
    with pytest.raises(CatalogError, match="not an item index: it lacks icesat2:region"):
        len(ItemIndex.open(tmp_path))


def test_over_http_what_was_read_is_kept(catalog: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_file, "END", 100_000)
    monkeypatch.setattr(index_file, "trusted_for", lambda _: 60.0)  # however slow this machine is
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


@pytest.fixture
def snapshot(catalog: Path) -> Snapshot:
    path = catalog / "items.parquet"
    source = pa.OSFile(str(path))
    return Snapshot(CatalogLocation.parse(catalog), pq.read_metadata(path), source=source)


def test_ranges_come_from_the_footer(snapshot: Snapshot) -> None:
    assert snapshot.groups > 8
    for group, (regions, wests) in enumerate(
        zip(snapshot.ranges("icesat2:region"), snapshot.ranges("bbox.xmin"), strict=True)
    ):
        rows = snapshot.read([group], ["icesat2:region", "bbox"])
        assert len(rows) == snapshot.rows(group)
        values = rows["icesat2:region"].to_pylist()
        assert regions == (min(values), max(values))
        sides = [box["xmin"] for box in rows["bbox"].to_pylist()]
        assert wests == (min(sides), max(sides))
    assert snapshot.ranges("title") == [None] * snapshot.groups  # no statistics
    assert snapshot.ranges("no such column") == [None] * snapshot.groups


def test_columns_of_some_row_groups_are_read_in_their_order(snapshot: Snapshot) -> None:
    whole = snapshot.read(range(snapshot.groups), ["id", "title"])
    assert whole.column_names == ["id", "title"]
    ends = np.cumsum([snapshot.rows(group) for group in range(snapshot.groups)])
    some = snapshot.read([2, 0], ["id"])["id"].to_pylist()
    ids = whole["id"].to_pylist()
    assert some == ids[ends[1] : ends[2]] + ids[: ends[0]]
    assert len(snapshot.read([], ["id"])) == 0
    with pytest.raises(CatalogError, match="has no column x, y: it was made by an older"):
        snapshot.read([0], ["x", "id", "y"])


def test_row_groups_come_in_batches_of_so_many_bytes(
    snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = list(range(snapshot.groups))
    expected = {group: table["id"].to_pylist() for group, table in snapshot.read_each(groups)}
    for most in (1, 100_000):
        monkeypatch.setattr(snapshot_module, "BATCH", most)
        for slowly in (False, True):
            found = dict(snapshot.read_each(groups, ["id", "geometry"], slowly=slowly))
            assert list(found) == groups
            assert {group: table["id"].to_pylist() for group, table in found.items()} == expected


def test_columns_are_kept_as_far_as_they_fit(
    catalog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = catalog / "items.parquet"

    def decoded(keys: int, wide: int) -> list[int]:
        """How many row groups are decoded by a first and a second read of all ids."""
        monkeypatch.setattr(snapshot_module, "KEPT_KEYS", keys)
        monkeypatch.setattr(snapshot_module, "KEPT_WIDE", wide)
        source = pa.OSFile(str(path))
        read = Snapshot(CatalogLocation.parse(catalog), pq.read_metadata(path), source=source)
        counts = []
        plain = read._decode
        monkeypatch.setattr(
            read, "_decode", lambda columns: counts.append(len(columns)) or plain(columns)
        )
        for _ in range(2):
            read.read(range(read.groups), ["id"])
        return counts

    groups = pq.read_metadata(path).num_row_groups
    assert decoded(2**20, 2**20) == [groups]
    assert decoded(0, 0) == [groups, groups]
