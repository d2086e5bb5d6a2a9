"""Collections of CMR as STAC Collections."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import orjson
import pystac
import pytest
import sample_items

from catalog_builder.catalog.cmr.umm_c import DataCenter
from catalog_builder.catalog.stac.collection import to_collection

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


def test_a_collection_says_where_the_data_come_from() -> None:
    collection = to_collection(
        COLLECTION,
        boxes=[(177.95908, 26.98659, -177.10933, 59.54842)],
        interval=(datetime(2018, 10, 20, tzinfo=UTC), datetime(2018, 10, 21, tzinfo=UTC)),
    )
    assert collection["id"] == "ATL03_007"
    assert collection["sci:doi"] == "10.5067/ATLAS/ATL03.007"
    assert collection["version"] == "007"
    assert collection["extent"]["spatial"]["bbox"] == [[177.95908, 26.98659, -177.10933, 59.54842]]
    assert collection["extent"]["temporal"]["interval"] == [
        ["2018-10-20T00:00:00.000Z", "2018-10-21T00:00:00.000Z"]
    ]
    assert "`h_ph` (m): height of the photon" in collection["description"]
    assert set(collection["item_assets"]) == {
        *("data", "https", "metadata", "thumbnail"),
        "references",
    }
    assert [provider["roles"] for provider in collection["providers"]] == [["host"], ["processor"]]
    assert {link["rel"] for link in collection["links"]} == {"about", "cite-as", "license"}


def test_an_empty_collection_has_the_extent_that_cmr_names() -> None:
    collection = to_collection(COLLECTION, boxes=[], interval=None)
    assert collection["extent"] == {
        "spatial": {"bbox": [[-180.0, -90.0, 180.0, 90.0]]},
        "temporal": {"interval": [["2018-10-13T00:00:00.000Z", None]]},
    }


@pytest.mark.usefixtures("validator")
def test_pystac_finds_the_collection_valid() -> None:
    plain = to_collection(COLLECTION, boxes=[], interval=None)
    collection = pystac.Collection.from_dict(json.loads(orjson.dumps(plain)))
    assert len(collection.validate()) == 1 + len(plain["stac_extensions"])


def test_the_instrument_is_told_once_and_in_no_item() -> None:
    collection = to_collection(COLLECTION, boxes=(), interval=None)
    altimetry = "https://stac-extensions.github.io/altimetry/v0.1.0/schema.json"
    assert collection["summaries"]["altm:instrument_type"] == ["laser"]
    assert collection["summaries"]["altm:sampling_rate"] == [10_000]
    assert altimetry in collection["stac_extensions"]
    item = sample_items.make_item(3)
    assert altimetry not in item["stac_extensions"]
    assert not [key for key in item["properties"] if key.startswith("altm:")]
