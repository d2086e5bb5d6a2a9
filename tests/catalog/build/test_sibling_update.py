"""Items of ATL03 name their siblings, and go on doing so as these come and go."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pystac
import pytest
from building import Record, tree
from several_collections import (
    ATL08,
    SEVERAL,
    a_pair,
    build_several,
    everything,
    items_of,
    of,
)

from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.stac.validation import StacSchemas
from catalog_builder.catalog.verify.checks import verify
from catalog_builder.errors import CatalogError
from catalog_builder.products.granule_name import GranuleName
from earthdata_standin import EarthdataStandin
from tests.catalog.build.records import revise


def expected_siblings(granule: str, ids: list[str]) -> dict[str, str]:
    """By brute force, over all pairs of names."""
    found: dict[str, str] = {}
    _, _, orbit, release, revision = granule.split("_")
    for one in sorted(ids):
        product, _, of_orbit, *rest = one.split("_")
        canopy = product == "ATL08" and rest[0] == release
        sea = product == "ATL24" and rest[:2] == [release, revision]
        if of_orbit == orbit and (canopy or sea):
            found[f"icesat2:{product.lower()}"] = one  # the last has the highest revision
    return found


def require_pairs(folder: Path) -> int:
    """Every ATL03 item names its siblings by property and link; returns how many."""
    items = items_of(folder)
    count = 0
    for item in items.values():
        named = {
            k: v for k, v in item.properties.items() if k in ("icesat2:atl08", "icesat2:atl24")
        }
        expected = expected_siblings(item.id, [*items]) if item.id.startswith("ATL03") else {}
        assert named == expected
        links = [link for link in item.links if link.rel == "related"]
        assert [link.title for link in links] == [*expected.values()]
        for link in links:
            assert link.media_type == "application/geo+json"
            target = pystac.Item.from_file(link.get_absolute_href() or "")
            assert target.id == link.title
        count += len(expected)
    return count


def test_items_name_their_siblings(several: Path) -> None:
    assert require_pairs(several) > 20
    items = items_of(several)
    names = [GranuleName.parse(one) for one in items]
    apart = [
        one
        for one in names
        if "icesat2:atl08" in (properties := items[one.id].properties)
        and GranuleName.parse(properties["icesat2:atl08"]).revision != one.revision
    ]
    assert apart  # release 007: ATL03 in revision 2 beside ATL08 in revision 1
    assert any("icesat2:atl24" in item.properties for item in items.values())
    for item in items.values():
        if "icesat2:atl08" in item.properties:
            assert not list(StacSchemas().problems(item.to_dict()))
            assert item.properties["icesat2:release"] == "007"
            break


def one_of_pass(records: list[Record], concept: str, granule: str) -> Record:
    orbit = granule.split("_")[2]
    return next(one for one in of(records, concept) if f"_{orbit}_" in json.dumps(one))


@pytest.mark.parametrize("items", ["files", "none"])
def test_a_sibling_that_comes_goes_or_is_replaced_changes_the_item(
    cloud: EarthdataStandin, several: Path, tmp_path: Path, items: str
) -> None:
    granule, sibling = a_pair(several)
    records = everything()
    record = one_of_pass(records, ATL08, granule)
    without = [one for one in records if one is not record]
    folder = tmp_path / "public"
    build_several(cloud, folder, without, items=items)

    def same_as_new(these: list[Record]) -> None:
        new = tmp_path / "new"
        build_several(cloud, new, these, items=items)
        assert tree(folder) == tree(new)
        shutil.rmtree(new)
        assert not verify(folder).problems
        assert build_several(cloud, folder, these, items=items).files_written == 0

    assert "icesat2:atl08" not in items_of(folder)[granule].properties
    new_revision = int(record["meta"]["revision-id"])
    revise(record)
    record["meta"]["revision-id"] = 1
    dry = build_several(cloud, folder, records, items=items, dry_run=True)
    report = build_several(cloud, folder, records, items=items)
    assert (report.mode, report.added, report.changed) == ("update", (sibling,), (granule,))
    assert (dry.added, dry.changed) == (report.added, report.changed)
    assert report.read == dry.read <= 2  # CMR counts revisions of the last hours again
    assert items_of(folder)[granule].properties["icesat2:atl08"] == sibling
    same_as_new(records)

    record["meta"]["revision-id"] = new_revision
    text = json.dumps(record).replace(sibling, f"{sibling[:-2]}09")
    records[records.index(record)] = replaced = json.loads(text)
    replaced["meta"] |= {"concept-id": "G900-NSIDC_CPRD", "revision-id": 1}
    revise(replaced)
    replaced["meta"]["revision-id"] = 1
    report = build_several(cloud, folder, records, items=items)
    assert (report.mode, report.changed) == ("update", (granule,))
    assert items_of(folder)[granule].properties["icesat2:atl08"] == f"{sibling[:-2]}09"
    same_as_new(records)

    report = build_several(cloud, folder, without, items=items)
    assert (report.mode, report.changed) == ("update", (granule,))
    assert report.removed == (f"{sibling[:-2]}09",)
    assert "icesat2:atl08" not in items_of(folder)[granule].properties
    same_as_new(without)


@pytest.mark.parametrize("product", ["ATL06", "ATL08"])
def test_what_a_published_item_names_in_error_is_not_kept(
    cloud: EarthdataStandin, several: Path, copied: Path, product: str
) -> None:
    """Neither its own id, nor a granule of a product for which there is no property."""
    _, sibling = a_pair(copied)
    path = next(copied.rglob(f"{sibling}.json"))
    item = json.loads(path.read_bytes())
    item["properties"]["icesat2:atl08"] = sibling.replace("ATL08", product)
    path.write_text(json.dumps(item))
    build_several(cloud, copied, full=True)
    assert tree(copied) == tree(several)


@pytest.mark.parametrize(
    "damage", [{"id": "ATL03_20181014031924_02370102_007_01"}, {"links": [3]}, {"bbox": "x"}]
)
def test_a_published_item_that_is_damaged_is_not_written_again(
    cloud: EarthdataStandin, copied: Path, damage: dict[str, object]
) -> None:
    """With the id of another granule, the index would have two rows of that one."""
    granule, _ = a_pair(copied)
    path = next(copied.rglob(f"{granule}.json"))
    path.write_text(json.dumps(json.loads(path.read_bytes()) | damage))
    records = everything()
    records.remove(one_of_pass(records, ATL08, granule))
    with pytest.raises(CatalogError, match=f"item of {granule} in .* damaged: build with --full"):
        build_several(cloud, copied, records)
    build_several(cloud, copied, records, full=True)
    assert not verify(copied).problems


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("id", None, "a row has no id"),
        ("icesat2:atl08", {"a": 1}, "Unsupported cast"),
        ("id", "ATL99", None),  # of no product, and of the same pass
    ],
)
def test_rows_of_a_damaged_index_are_refused_or_no_siblings(
    cloud: EarthdataStandin, copied: Path, column: str, value: object, words: str | None
) -> None:
    granule, _ = a_pair(copied)
    value = f"{value}{granule[5:]}" if value == "ATL99" else value
    path = copied / "items.parquet"
    table = pq.read_table(path)
    values: list[object] = table[column].to_pylist() if column == "id" else [value] * len(table)
    values[table["id"].to_pylist().index(granule)] = value
    place = table.schema.get_field_index(column)
    pq.write_table(table.set_column(place, column, pa.array(values)), path)
    records = everything()
    records.remove(one_of_pass(records, ATL08, granule))
    if words is None:
        assert build_several(cloud, copied, records).mode == "update"
    else:
        with pytest.raises(CatalogError, match=f"index is damaged .*{words}.*build with --full"):
            build_several(cloud, copied, records)


def test_one_collection_alone_names_no_siblings(
    cloud: EarthdataStandin, copied: Path, tmp_path: Path
) -> None:
    fewer = replace(SEVERAL.each[0], name=SEVERAL.name)
    build_several(cloud, copied, definition=fewer, full=True)
    assert not any("icesat2:atl08" in item.properties for item in ItemIndex.open(copied))
    table = ItemIndex.open(copied).to_table()
    assert "icesat2:atl08" not in table.column_names
