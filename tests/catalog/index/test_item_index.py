from __future__ import annotations

import json
import pickle
import threading
from pathlib import Path

import pystac
import pytest
import shapely
import shapely.affinity

from catalog_builder.catalog.build.reindex import write_index
from catalog_builder.catalog.index import reader as index_file
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.errors import CatalogNotFoundError, ItemNotFoundError
from tests.catalog.index.range_server import Ranges, serve
from tests.catalog.index.searched_items import POLAR, WORLD, BruteForce


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


def test_a_place_without_a_catalog_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogNotFoundError, match="nowhere"):
        len(ItemIndex.open(tmp_path / "nowhere"))


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


def test_items_are_pystac_items_that_know_where_they_lie(index: ItemIndex, catalog: Path) -> None:
    found = list(index.search(region=4, limit=2))
    assert all(isinstance(item, pystac.Item) for item in found)
    day = f"ATL03_007/cycle-01/{found[0].id[6:10]}-{found[0].id[10:12]}-{found[0].id[12:14]}"
    assert found[0].get_self_href() == str(catalog / day / f"{found[0].id}.json")
    parent = found[0].get_single_link("parent")
    assert parent is not None
    assert parent.get_absolute_href() == str(catalog / day / "catalog.json")
