from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from catalog_builder.catalog.cmr.umm_g import (
    MalformedRecord,
    Record,
    granule_ur,
    read_page,
    read_record,
)
from tests.catalog.sample_record import NAME, RECORD, changed, without

REVISED = "2025-08-11T03:25:00.000Z"


def page_of(*records: Any) -> bytes:
    return orjson.dumps({"hits": len(records), "took": 3, "items": records})


def test_a_page_is_read_as_its_records_are() -> None:
    records = [RECORD, without("umm", "DataGranule"), changed("umm", "GranuleUR", to=None)]
    assert read_page(page_of(*records)) == [read_record(record) for record in records]
    record = read_record(RECORD)
    assert isinstance(record, Record)
    assert record.granule_ur == f"{NAME}.h5_dpyQXxz6"
    assert record.meta.concept_id == "G3476682272-NSIDC_CPRD"
    assert read_page(page_of()) == []


def test_what_is_not_needed_is_passed_over() -> None:
    record = changed("umm", "AdditionalAttributes", to=[{"Name": "x", "Values": ["1"]}])
    record["umm"]["RelatedUrls"][0]["MimeType"] = None
    assert read_page(page_of(record)) == [read_record(RECORD)]


def test_a_malformed_record_does_not_spoil_its_page() -> None:
    bad = without("umm", "TemporalExtent")
    first, second, third = read_page(page_of(RECORD, bad, RECORD))
    assert first == third == read_record(RECORD)
    assert isinstance(second, MalformedRecord)
    assert second.reason == "The record lacks umm.TemporalExtent."
    assert second.granule_ur == f"{NAME}.h5_dpyQXxz6"
    assert second.meta == read_record(RECORD).meta


POINT = ("umm", "SpatialExtent", "HorizontalSpatialDomain", "Geometry", "GPolygons", 0)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (None, "The record does not follow UMM-G: expected `object`, got `null`."),
        ({"meta": RECORD["meta"]}, "The record lacks umm."),
        (without("meta", "revision-id"), "The record lacks meta.revision-id."),
        (
            changed("umm", "RelatedUrls", 3, to="https://x"),
            "The record does not follow UMM-G: "
            "expected `object`, got `str` at umm.RelatedUrls[3].",
        ),
        (
            changed(*POINT, "Boundary", "Points", 2, "Latitude", to="north"),
            "The record does not follow UMM-G: expected `float`, got `str` at umm.SpatialExtent."
            "HorizontalSpatialDomain.Geometry.GPolygons[0].Boundary.Points[2].Latitude.",
        ),
    ],
)
def test_a_reason_says_what_is_amiss_and_where(record: Any, reason: str) -> None:
    one, other = read_record(record), read_page(page_of(RECORD, record))[1]
    assert isinstance(one, MalformedRecord)
    assert one == other
    assert one.reason == reason


@pytest.mark.parametrize(
    ("record", "identity"),
    [
        (3, ("", "", 0, "")),
        ({"meta": []}, ("", "", 0, "")),
        ({"meta": {"concept-id": None, "revision-id": "x"}}, ("", "", 0, "")),
        ({"meta": RECORD["meta"]}, ("G3476682272-NSIDC_CPRD", "NSIDC_CPRD", 2, REVISED)),
        ({"meta": {"concept-id": "G1-X", "revision-id": "7"}}, ("G1-X", "", 7, "")),
    ],
)
def test_a_malformed_record_says_which_it_is(record: Any, identity: tuple[Any, ...]) -> None:
    malformed = read_record(record)
    assert isinstance(malformed, MalformedRecord)
    assert msgspec.structs.astuple(malformed.meta) == identity
    assert malformed.granule_ur == "?"


def test_numbers_may_be_strings_and_whole_numbers_fractions() -> None:
    file = ("umm", "DataGranule", "ArchiveAndDistributionInformation", 0, "SizeInBytes")
    for size in ("2066439775", 2066439775.0):
        assert read_record(changed(*file, to=size)) == read_record(RECORD)
    point = (*POINT, "Boundary", "Points", 2, "Latitude")
    assert read_record(changed(*point, to="41.16521")) == read_record(RECORD)
    assert isinstance(read_record(changed(*point, to=41)), Record)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"items": 3}', b'{"items": [{]}'])
def test_what_is_no_page(body: bytes) -> None:
    with pytest.raises(ValueError, match="no list of items"):
        read_page(body)


def test_real_records_are_as_umm_has_it(real_data: Path) -> None:
    lines = (real_data / "cmr" / "atl03_v007_granules.umm.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    premises = json.loads((real_data / "cmr" / "ecs_atl03_v005_granule.umm.json").read_text())
    records += premises["items"]
    read = read_page(page_of(*records))
    assert all(isinstance(one, Record) for one in read)
    assert read == [read_record(record) for record in records]


@pytest.mark.parametrize("record", [None, [], {}, {"umm": None}, {"umm": {"GranuleUR": ""}}])
def test_a_record_that_does_not_say_what_it_is_called(record: object) -> None:
    assert granule_ur(record) == "?"
    assert granule_ur({"umm": {"GranuleUR": "SC:1"}}) == "SC:1"
