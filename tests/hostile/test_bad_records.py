"""One record that is no JSON, or cannot be, is set aside with its reason; the others are items."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from building import DEFINITION, build_from, records_of
from scripted_server import Answer, Asked, ScriptedServer

from catalog_builder.catalog.build.build import build
from catalog_builder.catalog.cmr.client import CmrClient
from catalog_builder.catalog.cmr.damaged_page import split_records
from catalog_builder.catalog.cmr.query import GranuleQuery
from catalog_builder.catalog.cmr.umm_g import MalformedRecord, read_page
from catalog_builder.catalog.verify.checks import verify
from earthdata_standin import EarthdataStandin

RAW: dict[str, bytes] = {
    "invalid UTF-8": b'"\xff\xfe"',
    "lone surrogate": b'"\\ud800"',
    "a number beyond all": b"1e999",
    "NaN": b"NaN",
    "nested 3,000 times": b"[" * 3000 + b"]" * 3000,
    "raw control character": b'"a\x01b"',
}
"""What stands in the place of a record's GranuleUR."""

CHANGED: dict[str, Callable[[dict[str, Any]], object]] = {
    "revision below 0": lambda r: r["meta"].update({"revision-id": -1}),
    "size below 0": lambda r: r["umm"]["DataGranule"].update(
        {"ArchiveAndDistributionInformation": [{"Name": "x.h5", "SizeInBytes": -5}]}
    ),
    "year 1": lambda r: _set_times(r, "0001-01-01T00:00:00Z"),
    "year 9999": lambda r: _set_times(r, "9999-12-31T23:59:59Z"),
}


def usable_records() -> list[dict[str, Any]]:
    """All but the one without a link to its data."""
    return [one for one in records_of() if one["meta"]["concept-id"] != "G2700000031-NSIDC_CPRD"]


def _set_times(record: dict[str, Any], time: str) -> None:
    span = {"BeginningDateTime": time, "EndingDateTime": time}
    record["umm"]["TemporalExtent"]["RangeDateTime"] = span


@contextmanager
def replacing(cloud: EarthdataStandin, marker: bytes, raw: bytes) -> Iterator[str]:
    """A CMR whose answers have these bytes in place of a text in quotes."""

    def answer(asked: Asked) -> Answer:
        base = cloud.cmr_url.removesuffix("/search").rstrip("/")
        headers = {k: v for k, v in asked.headers.items() if k.lower().startswith("cmr-")}
        got = requests.get(base + asked.path.removeprefix("/cmr"), headers=headers, timeout=60)
        kept = {
            name: value
            for name, value in got.headers.items()
            if name.lower().startswith("cmr-") or name.lower() == "content-type"
        }
        body = got.content.replace(b'"' + marker + b'"', raw)
        return Answer(status=got.status_code, headers=kept, body=body)

    with ScriptedServer(answer) as server:
        yield f"{server.url}/cmr/search"


@pytest.mark.parametrize("kind", RAW)
def test_a_record_that_is_no_json_is_set_aside_alone(
    kind: str, cloud: EarthdataStandin, tmp_path: Path
) -> None:
    records = usable_records()
    good = build_from(cloud, tmp_path / "good", records[1:])
    records[0]["umm"]["GranuleUR"] = "MARKER"
    concept = records[0]["meta"]["concept-id"]
    build_from(cloud, tmp_path / "unused", records)  # so that this is what the cloud serves
    with replacing(cloud, b"MARKER", RAW[kind]) as url, CmrClient(url) as client:
        report = build(DEFINITION, tmp_path / "out", client=client)
        again = build(DEFINITION, tmp_path / "out", client=client, full=True)
    assert report.items == again.items == good.items == len(records) - 1
    (aside,) = report.set_aside
    assert aside.concept_id == concept
    assert aside.reason
    assert verify(tmp_path / "out").problems == ()
    json.loads((tmp_path / "out" / "build-report.json").read_text())


@pytest.mark.parametrize(
    ("part", "key", "raw"),
    [
        ("meta", "native-id", b'"x", "revision-id": 1' + b"0" * 30),
        ("umm", "OrbitCalculatedSpatialDomains", b'[{"OrbitNumber": 1' + b"0" * 25 + b"}]"),
        ("meta", "native-id", b'"x", "concept-id": "G' + b"1" * 300 + b'-NSIDC_CPRD"'),
    ],
    ids=["revision", "orbit", "concept id"],
)
def test_a_value_that_cannot_be_is_set_aside(
    part: str, key: str, raw: bytes, cloud: EarthdataStandin, tmp_path: Path
) -> None:
    records = usable_records()
    records[0][part][key] = "MARKER"
    cloud.world = replace(cloud.world, granules=records)
    with replacing(cloud, b"MARKER", raw) as url, CmrClient(url) as client:
        report = build(DEFINITION, tmp_path / "out", client=client)
    assert report.items == len(records) - 1
    (aside,) = report.set_aside
    assert re.search("which is impossible|is not a concept id", aside.reason)


@pytest.mark.parametrize("kind", CHANGED)
def test_a_record_that_cannot_be_is_set_aside(
    kind: str, cloud: EarthdataStandin, tmp_path: Path
) -> None:
    records = usable_records()
    CHANGED[kind](records[0])
    report = build_from(cloud, tmp_path / "out", records)
    assert report.items == len(records) - 1
    (aside,) = report.set_aside
    assert aside.reason.startswith("The record")
    assert build_from(cloud, tmp_path / "out", records, full=True).items == report.items
    assert verify(tmp_path / "out").problems == ()


@pytest.mark.parametrize("kind", RAW)
def test_a_search_lists_the_other_records(kind: str, cloud: EarthdataStandin) -> None:
    records = usable_records()
    records[0]["umm"]["GranuleUR"] = "MARKER"
    collection = records[0]["meta"]["collection-concept-id"]
    cloud.world = replace(cloud.world, granules=records)
    with replacing(cloud, b"MARKER", RAW[kind]) as url, CmrClient(url) as client:
        found = list(client.granules(GranuleQuery.of(DEFINITION, collection)))
    assert len(found) == len(records)
    assert {r["meta"]["concept-id"] for r in found} == {r["meta"]["concept-id"] for r in records}


def test_records_are_split_where_json_parts_them() -> None:
    records = [{"a": ["]", "}", '"', "\\"], "b": {"c": [1, [2]]}}, {"items": [3]}, {}]
    page = json.dumps({"hits": 3, "took": [1], "items": records, "after": []}).encode()
    assert [json.loads(raw) for raw in split_records(page)] == records
    for body in (b"", b"[]", b'{"items": [{}', b'{"other": []}'):
        with pytest.raises(ValueError, match="no list of items"):
            split_records(body)
    assert split_records(b'{"items": []}') == []


def test_what_is_left_of_a_record_says_which_it_is() -> None:
    record = (
        b'{"meta": {"concept-id": "G12-NSIDC_CPRD", "provider-id": "x", "revision-id": 3, '
        b'"revision-date": "2025-01-01T00:00:00Z"}, "umm": {"GranuleUR": "ATL03_x", "y": tru}}'
    )
    (found,) = read_page(b'{"items": [' + record + b"]}")
    assert isinstance(found, MalformedRecord)
    assert (found.meta.concept_id, found.meta.revision_id) == ("G12-NSIDC_CPRD", 3)
    assert found.granule_ur == "ATL03_x"
    assert "not JSON" in found.reason


def test_a_bracket_of_a_broken_record_ends_no_page() -> None:
    """The records behind it would be lost without a word."""
    good = b'{"meta": {"concept-id": "G1-X"}, "umm": {}}'
    page = b'{"items": [' + good + b', x], "y": [{}, ' + good + b"]}"
    with pytest.raises(ValueError, match="no list of items that ends"):
        split_records(page)
