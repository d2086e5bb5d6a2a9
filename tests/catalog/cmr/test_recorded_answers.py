"""What NASA's services answered, recorded, sent to our client once more by a real server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import shapely
from scripted_server import Answer, Asked, ScriptedServer

from catalog_builder.catalog.cmr.client import CmrClient
from catalog_builder.catalog.cmr.query import GranuleQuery
from catalog_builder.catalog.cmr.response import read_records
from catalog_builder.catalog.cmr.umm_c import parse_collection
from catalog_builder.catalog.cmr.umm_g import read_page
from catalog_builder.catalog.stac.granule import parse_records
from catalog_builder.errors import CmrError, CmrQueryError, RecordError
from catalog_builder.products.facts import PRODUCTS

CMR = "cmr.earthdata.nasa.gov"


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """One recorded answer, and the address that was asked."""

    url: str
    answer: Answer

    @property
    def document(self) -> Any:
        return json.loads(self.answer.body)

    @property
    def header(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.answer.headers.items()}


@pytest.fixture(scope="module")
def recorded(real_data: Path) -> list[Recorded]:
    path = real_data / "recorded" / "recorded_answers.jsonl"
    if not path.is_file():
        pytest.skip(f"no {path.name} in {path.parent}")
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        if urlsplit(one["request"]["uri"]).netloc != CMR:
            continue
        # The recorder kept bodies inflated, and whole.
        of_transport = ("content-encoding", "transfer-encoding", "content-length", "connection")
        headers = {
            k: str(v) for k, v in dict(one["headers"]).items() if k.lower() not in of_transport
        }
        answer = Answer(status=one["status"], headers=headers, body=one["body"].encode())
        found.append(Recorded(url=one["request"]["uri"], answer=answer))
    return found


@contextmanager
def replaying(script: Callable[[Asked], Answer]) -> Iterator[tuple[CmrClient, ScriptedServer]]:
    with (
        ScriptedServer(script) as server,
        CmrClient(f"{server.url}/search/", sleep=lambda _: None) as client,
    ):
        yield client, server


def test_pages_are_followed_by_their_cursors(recorded: list[Recorded]) -> None:
    """Pages as CMR gave them, one after the other; then one without a cursor, as its last is."""
    pages = [one for one in recorded if "cmr-search-after" in one.header]
    last = next(one for one in recorded if one.answer.status == 200 and one not in pages)
    assert len(pages) > 10
    left = [*pages, last]
    with replaying(lambda _: left.pop(0).answer) as (client, server):
        found = list(client.pages(f"{client.url}/granules.umm_json?x=1", 2, read_records))
    assert [page.content for page in found] == [one.document["items"] for one in (*pages, last)]
    assert [page.hits for page in found] == [int(one.header["cmr-hits"]) for one in (*pages, last)]
    cursors = [asked.headers.get("CMR-Search-After") for asked in server.asked]
    assert cursors == [None, *(one.header["cmr-search-after"] for one in pages)]
    assert all(page.answered is not None for page in found)


def test_counts_are_those_of_cmr(recorded: list[Recorded]) -> None:
    counts = [one for one in recorded if "page_size=0" in one.url and one.answer.status == 200]
    assert counts
    for one in counts:
        with replaying(lambda _, one=one: one.answer) as (client, _):
            hits = client.hits(GranuleQuery(collection_concept_id="C1-X"))
        assert hits == int(one.header["cmr-hits"])


def test_records_of_other_missions_are_set_aside_with_the_reason(
    recorded: list[Recorded],
) -> None:
    pages = [one for one in recorded if "granules.umm_json" in one.url]
    records = [record for one in pages for record in read_page(one.answer.body)]
    assert len(records) > 20
    for found in parse_records(records):
        assert isinstance(found, RecordError)
        assert str(found)


def test_errors_are_told_in_cmrs_words(recorded: list[Recorded]) -> None:
    refused = [one for one in recorded if one.answer.status >= 400]
    for one in refused:
        with (
            replaying(lambda _, one=one: one.answer) as (client, _),
            pytest.raises(CmrError) as found,
        ):
            client.hits(GranuleQuery(collection_concept_id="C1-X"))
        if one.answer.status == 400:
            assert isinstance(found.value, CmrQueryError)
        for words in one.document.get("errors", []):
            assert words[:40] in str(found.value)


def test_whole_collections_of_an_archive_are_read(real_data: Path) -> None:
    path = real_data / "recorded" / "pocloud_collections_22.umm.jsonl"
    if not path.is_file():
        pytest.skip(f"no {path.name} in {path.parent}")
    lines = path.read_text(encoding="utf-8").splitlines()
    records = [json.loads(line)["record"] for line in lines]
    assert len(records) == 22
    for record in records:
        found = parse_collection(record)
        assert found.concept_id == record["meta"]["concept-id"]
        assert found.short_name == record["umm"]["ShortName"]
        assert found.version == record["umm"]["Version"]
        assert found.cloud_hosted
        direct = record["umm"].get("DirectDistributionInformation", {})
        assert found.credentials_endpoint == direct.get("S3CredentialsAPIEndpoint")


def test_granules_that_notebooks_printed_are_read(real_data: Path) -> None:
    """What earthaccess prints of a granule; the envelope of its record is put around it."""
    path = real_data / "recorded" / "icesat2_granules_printed_by_earthaccess.jsonl"
    if not path.is_file():
        pytest.skip(f"no {path.name} in {path.parent}")
    printed = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    records = [_around(number, one) for number, one in enumerate(printed)]
    body = json.dumps({"hits": len(records), "took": 1, "items": records}).encode()

    def answer(asked: Asked) -> Answer:
        after = "CMR-Search-After" in asked.headers
        headers = {"CMR-Hits": str(len(records))}
        if after:
            return Answer(headers=headers, body=b'{"hits":27,"took":1,"items":[]}')
        return Answer(headers=headers | {"CMR-Search-After": '["1"]'}, body=body)

    with replaying(answer) as (client, _):
        got = list(client.granules(GranuleQuery(collection_concept_id="C1-X")))
    assert got == records
    found = parse_records(read_page(body))
    atl03 = 0
    for one, granule in zip(printed, found, strict=True):
        name = one["data"][0].rpartition("/")[2]
        if name[:5] not in PRODUCTS:
            assert isinstance(granule, RecordError)
            continue
        assert not isinstance(granule, RecordError), granule
        atl03 += name.startswith("ATL03_")
        assert f"{granule.id}.h5" == name
        begin = one["temporal"]["RangeDateTime"]["BeginningDateTime"]
        assert granule.start == datetime.fromisoformat(begin)
        assert granule.https_href == one["data"][0]
        assert (granule.s3_href is not None) == ("earthdatacloud" in one["data"][0])
        assert granule.footprint.shape.is_valid
        # A point of the ring that was printed lies on the footprint's edge, or inside.
        printed_area = one["spatial"]["HorizontalSpatialDomain"].get("Geometry")
        for ring in printed_area["GPolygons"] if printed_area else ():  # else an orbit
            for point in ring["Boundary"]["Points"]:
                corner = shapely.Point(point["Longitude"], point["Latitude"])
                assert (
                    granule.footprint.shape.distance(corner) < 0.01
                )  # they were rounded, and densified
    assert atl03 == 11


def _around(number: int, printed: dict[str, Any]) -> dict[str, Any]:
    urls = printed["data"]
    direct = [
        {"URL": f"s3://{parts.path.lstrip('/')}", "Type": "GET DATA VIA DIRECT ACCESS"}
        for parts in map(urlsplit, urls)
        if "earthdatacloud" in parts.netloc
    ]
    return {
        "meta": {
            "concept-id": f"G{number}-NSIDC_CPRD",
            "provider-id": "NSIDC_CPRD",
            "revision-id": 1,
            "revision-date": "2024-01-01T00:00:00Z",
        },
        "umm": {
            "GranuleUR": urls[0].rpartition("/")[2],
            "CollectionReference": printed["collection"],
            "SpatialExtent": printed["spatial"],
            "TemporalExtent": printed["temporal"],
            "RelatedUrls": [*({"URL": url, "Type": "GET DATA"} for url in urls), *direct],
        },
    }
