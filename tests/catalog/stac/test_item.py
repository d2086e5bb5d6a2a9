from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pystac
import sample_items
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace as change
from pystac.validation.stac_validator import JsonSchemaSTACValidator

from catalog_builder.catalog.cmr.umm_c import DataCenter
from catalog_builder.catalog.stac.collection import to_collection
from catalog_builder.catalog.stac.granule import parse_umm
from catalog_builder.catalog.stac.item import ItemMaker, to_item
from tests.catalog.sample_record import BUCKET, DATA, NAME, RECORD, without

COLLECTION = replace(
    sample_items.COLLECTION,
    doi="10.5067/ATLAS/ATL03.007",
    citation="Neumann, T. A. et al. (2025). ATL03, Version 7 [Data Set].",
    license_url="https://nsidc.org/data/data-programs/nsidc-daac/use-and-copyright",
    landing_page="https://doi.org/10.5067/ATLAS/ATL03.007",
    data_centers=(
        DataCenter(
            name="NASA NSIDC DAAC",
            long_name="NASA National Snow and Ice Data Center DAAC",
            roles=("ARCHIVER", "DISTRIBUTOR"),
            url="https://nsidc.org/daac",
        ),
        DataCenter(name="NASA/GSFC/EOS/ESDIS", roles=("PROCESSOR",)),
    ),
)


def test_an_item_tells_what_where_and_how_to_get_in() -> None:
    item = to_item(parse_umm(RECORD), COLLECTION)
    assert item["id"] == NAME
    assert item["collection"] == "ATL03_007"
    assert item["bbox"] == [177.95908, 26.98659, -177.10933, 59.54842]
    assert item["geometry"]["type"] == "MultiPolygon"
    properties = item["properties"]
    assert properties["datetime"] == properties["start_datetime"] == "2018-10-20T15:18:28.575Z"
    assert properties["end_datetime"] == "2018-10-20T15:27:02.118Z"
    assert properties["updated"] == "2025-08-11T03:25:00.000Z"
    assert {key: value for key, value in properties.items() if key.startswith("sat:")} == {
        "sat:relative_orbit": 336,
        "sat:orbit_cycle": 1,
        "sat:orbit_state": "descending",
        "sat:absolute_orbit": 537,
    }
    assert properties["icesat2:region"] == 6
    assert properties["icesat2:revision"] == 1
    assert properties["cmr:concept_id"] == "G3476682272-NSIDC_CPRD"
    assert properties["cmr:revision_id"] == 2
    assert list(item["assets"]) == ["data", "https", "metadata", "thumbnail"]
    data = item["assets"]["data"]
    assert data["href"] == f"s3://{BUCKET}/{NAME}.h5"
    assert data["type"] == "application/x-hdf5"
    assert data["file:size"] == 2066439775
    assert data["file:checksum"] == "d50110cdb8ba3cff9617e88b3da89b5c84dc25"
    [storage] = data["storage:refs"]
    assert properties["storage:schemes"][storage]["bucket"] == "nsidc-cumulus-prod-protected"
    assert properties["storage:schemes"][storage]["region"] == "us-west-2"
    [scheme] = data["auth:refs"]
    assert properties["auth:schemes"][scheme]["credentials_endpoint"] == (
        COLLECTION.credentials_endpoint
    )
    assert item["assets"]["https"]["href"] == DATA


def test_what_is_not_known_is_left_out() -> None:
    item = to_item(parse_umm(without("umm", "OrbitCalculatedSpatialDomains")), COLLECTION)
    assert "sat:absolute_orbit" not in item["properties"]
    assert None not in item["properties"].values()
    record = without("umm", "DataGranule")
    record["umm"]["RelatedUrls"] = record["umm"]["RelatedUrls"][1:4]
    item = to_item(parse_umm(record), COLLECTION)
    assert "file:size" not in item["assets"]["data"]
    assert "thumbnail" not in item["assets"]
    assert item["assets"]["metadata"]["href"] == (
        "https://cmr.earthdata.nasa.gov/search/concepts/G3476682272-NSIDC_CPRD.umm_json"
    )


def test_an_extension_is_named_where_a_field_of_it_is_and_nowhere_else() -> None:
    def prefixes(*parts: dict[str, Any]) -> set[str]:
        return {name.partition(":")[0] for part in parts for name in part if ":" in name}

    def named(document: dict[str, Any]) -> set[str]:
        short = {"altimetry": "altm", "authentication": "auth", "scientific": "sci"}
        words = [address.split("/")[3] for address in document["stac_extensions"]]
        return {short.get(word, word) for word in words}

    granule, ours = parse_umm(RECORD), {"icesat2", "cmr", "catalog_builder"}
    for bare in (
        granule,
        change(granule, produced=None),
        change(granule, size=None, checksum=None),
        change(granule, s3_href=None),
        change(granule, produced=None, size=None, checksum=None, s3_href=None, https_href=None),
    ):
        item = to_item(bare, COLLECTION)
        assert named(item) == prefixes(item["properties"], *item["assets"].values()) - ours
        assert item["properties"].get("storage:schemes") != {}
    for collection in (COLLECTION, replace(COLLECTION, doi=None, citation=None)):
        document = to_collection(collection, boxes=(), interval=None)
        used = prefixes(document, document["summaries"]) - ours
        assert named(document) == used | {"version"}


def test_what_is_added_to_one_item_is_not_in_the_next() -> None:
    links = [{"rel": "root", "href": "../catalog.json"}]
    maker, granule = ItemMaker(COLLECTION, lambda _: links), parse_umm(RECORD)
    first = maker.make(granule)
    alone = _plain(first)
    assert alone == to_item(granule, COLLECTION) | {"links": links}
    first["extra"] = first["properties"]["extra"] = first["assets"]["extra"] = 1
    first["bbox"][0] = 0
    for asset in first["assets"].values():
        if isinstance(asset, dict):
            asset["extra"] = 1
    first["links"] = []
    assert _plain(maker.make(granule)) == alone


def _plain(item: dict[str, Any]) -> Any:
    """An item as JSON has it: the rings of a maker's are arrays."""
    return orjson.loads(orjson.dumps(item, option=orjson.OPT_SERIALIZE_NUMPY))


@given(st.datetimes(datetime(1000, 1, 1)).map(lambda time: time.replace(tzinfo=UTC)))
@example(datetime(2018, 10, 14, tzinfo=UTC))
@example(datetime(2018, 10, 14, 0, 0, 0, 999, tzinfo=UTC))
@example(datetime(2018, 10, 14, 0, 0, 0, 500000, tzinfo=UTC))
def test_times_have_milliseconds(time: datetime) -> None:
    item = to_item(sample_items.make_granule(1, start=time), COLLECTION)
    expected = f"{time.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
    assert item["properties"]["start_datetime"] == expected


def test_pystac_finds_real_items_valid(
    real_data: Path, validator: JsonSchemaSTACValidator
) -> None:
    lines = (real_data / "cmr" / "atl03_v007_granules.umm.jsonl").read_text().splitlines()
    records: list[dict[str, Any]] = [RECORD, *map(json.loads, lines[::50])]
    for record in records:
        plain = to_item(parse_umm(record), COLLECTION)
        plain["links"] = [{"rel": "collection", "href": "../../collection.json"}]
        item = pystac.Item.from_dict(json.loads(orjson.dumps(plain)))
        assert len(item.validate()) == 1 + len(plain["stac_extensions"])
