"""The stand-in CMR's other ways to answer: references in XML, and records that lie in a file."""

from __future__ import annotations

import copy
import hashlib
import itertools
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import requests

from earthdata_standin import EarthdataStandin, World
from earthdata_standin.cmr_query import CmrQuery
from earthdata_standin.columns import Columns
from earthdata_standin.holdings import Holdings
from earthdata_standin.stored_records import ChangedRecords, RecordFile

V007 = "C3326974349-NSIDC_CPRD"


def get(cloud: EarthdataStandin, path: str, **kwargs: Any) -> requests.Response:
    return requests.get(f"{cloud.cmr_url}/{path}", timeout=10, **kwargs)


def pages(cloud: EarthdataStandin, path: str, **conditions: Any) -> Iterator[requests.Response]:
    headers: dict[str, str] = {}
    while True:
        answer = get(cloud, path, params={"short_name": "ATL03", **conditions}, headers=headers)
        assert answer.status_code == 200, answer.text
        yield answer
        if "CMR-Search-After" not in answer.headers:
            return
        headers = {"CMR-Search-After": answer.headers["CMR-Search-After"]}


def references(cloud: EarthdataStandin, **conditions: Any) -> list[tuple[str, str, str]]:
    """Concept id, revision and name of each, page by page."""
    found = []
    for answer in pages(cloud, "granules.xml", **conditions):
        listed = list(ET.fromstring(answer.content).iter("reference"))
        assert bool(listed) == ("CMR-Search-After" in answer.headers)
        texts = ("id", "revision-id", "name")
        found += [tuple(str(one.findtext(text)) for text in texts) for one in listed]
    return found  # type: ignore[return-value]


def items(cloud: EarthdataStandin, **conditions: Any) -> list[dict[str, Any]]:
    answers = pages(cloud, "granules.umm_json", **conditions)
    return [item for answer in answers for item in answer.json()["items"]]


def as_references(records: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [
        (r["meta"]["concept-id"], str(r["meta"]["revision-id"]), r["umm"]["GranuleUR"])
        for r in records
    ]


# References


@pytest.mark.parametrize("path", ["granules.xml", "granules"])
def test_a_page_of_references(cloud: EarthdataStandin, path: str) -> None:
    answer = get(cloud, path, params={"collection_concept_id": V007, "page_size": 5})
    assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"
    assert answer.content.startswith(b'<?xml version="1.0" encoding="UTF-8"?><results>')
    page = ET.fromstring(answer.content)
    assert [one.tag for one in page] == ["hits", "took", "references"]
    assert page.findtext("hits") == answer.headers["CMR-Hits"] == "12"
    assert page.findtext("took") == answer.headers["CMR-Took"]
    assert len(page.findall("references/reference")) == 5
    assert answer.headers["Content-MD5"] == hashlib.md5(answer.content).hexdigest()
    assert answer.headers["CMR-Request-Id"]
    first = page.find("references/reference")
    assert first is not None
    assert [one.tag for one in first] == ["name", "id", "location", "revision-id"]
    concept_id, revision = first.findtext("id"), first.findtext("revision-id")
    assert first.findtext("location") == f"{cloud.cmr_url}/concepts/{concept_id}/{revision}"


@pytest.mark.parametrize("short", [False, True])
@pytest.mark.parametrize("sort_key", [None, "-start_date", "granule_ur", "revision_date"])
def test_references_are_those_of_the_records(
    cloud: EarthdataStandin, short: bool, sort_key: str | None
) -> None:
    cloud.faults.short_pages = short
    asked = {"page_size": 7} | ({"sort_key": sort_key} if sort_key else {})
    found = references(cloud, **asked)
    assert found == as_references(items(cloud, **asked))
    assert len(found) == len(cloud.world.granules)


def test_names_are_escaped(world: World) -> None:
    record = copy.deepcopy(world.granules[0])
    record["umm"]["GranuleUR"] = "a<b>&c"
    with EarthdataStandin(world=replace(world, granules=[record])) as cloud:
        assert references(cloud)[0][2] == "a<b>&c"


def test_collections_too(cloud: EarthdataStandin) -> None:
    answer = get(cloud, "collections.xml", params={"include_granule_counts": "true"})
    found = ET.fromstring(answer.content).findall("references/reference")
    counts = {one.findtext("id"): one.findtext("granule-count") for one in found}
    assert len(found) == 3
    assert counts[V007] == "12"
    assert "Global Geolocated Photon Data" in str(found[0].findtext("name"))


def test_refusals_are_in_the_requested_format(cloud: EarthdataStandin) -> None:
    refused = get(cloud, "granules.xml", params={"provider": "<X>", "foo": 1})
    assert refused.status_code == 400
    assert refused.headers["Content-Type"] == "application/xml; charset=utf-8"
    errors = ET.fromstring(refused.content)
    assert errors.tag == "errors"
    assert [one.text for one in errors.findall("error")] == ["Parameter [foo] was not recognized."]
    refused = get(cloud, "granules.umm_json", params={"provider": "X", "foo": 1})
    assert refused.json() == {"errors": ["Parameter [foo] was not recognized."]}


def test_references_fail_as_records_do(cloud: EarthdataStandin) -> None:
    asked = {"collection_concept_id": V007}
    faults = cloud.faults
    faults.retry_after, faults.retry_after_seconds = 1, 7
    busy = get(cloud, "granules.xml", params=asked)
    assert (busy.status_code, busy.headers["Retry-After"]) == (429, "7")
    assert ET.fromstring(busy.content).findtext("error")
    faults.unavailable = 1
    assert get(cloud, "granules.xml", params=asked).status_code == 503
    faults.timed_out = 1
    partial = get(cloud, "granules.xml", params=asked)
    assert (partial.status_code, partial.headers["CMR-Timed-Out"]) == (200, "true")
    assert len(ET.fromstring(partial.content).findall(".//reference")) == 5
    faults.not_json = 1
    page = get(cloud, "granules.xml", params=asked)
    assert page.headers["Content-Type"].startswith("text/html")
    faults.truncate = 1
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        get(cloud, "granules.xml", params=asked)
    assert get(cloud, "granules.xml", params=asked).status_code == 200


def test_every_answer_has_its_date(cloud: EarthdataStandin) -> None:
    asked = {"collection_concept_id": V007}
    cloud.faults.retry_after = cloud.faults.not_json = 1
    answers = [get(cloud, "granules.xml", params=asked) for _ in range(3)]
    answers += [get(cloud, "granules.umm_json"), get(cloud, "nothing/here")]
    assert [a.status_code for a in answers] == [429, 200, 200, 400, 404]
    for answer in answers:
        assert parsedate_to_datetime(answer.headers["Date"]).tzinfo is not None


# What granules are asked for by


def test_granules_by_concept_ids_in_an_address_or_a_form(cloud: EarthdataStandin) -> None:
    wanted = [r["meta"]["concept-id"] for r in cloud.world.granules][2:9]
    many = [*wanted, *(f"G{number}-NSIDC_CPRD" for number in range(2000))]
    for asked in ({"concept_id[]": many}, {"concept_id": many}):
        assert {one[0] for one in references(cloud, **asked)} == set(wanted)
    sent = {"concept_id[]": many, "page_size": "2000"}
    answer = requests.post(f"{cloud.cmr_url}/granules.umm_json", data=sent, timeout=10)
    assert {item["meta"]["concept-id"] for item in answer.json()["items"]} == set(wanted)


def test_granules_by_revision_date(cloud: EarthdataStandin) -> None:
    dates = sorted(record["meta"]["revision-date"] for record in cloud.world.granules)
    middle = dates[len(dates) // 2]
    since = {record["meta"]["concept-id"] for record in items(cloud, updated_since=middle)}
    assert since == {
        record["meta"]["concept-id"]
        for record in cloud.world.granules
        if record["meta"]["revision-date"] >= middle
    }
    asked = {"revision_date[]": f"{middle},", "sort_key": "revision_date", "page_size": 3}
    listed = [record["meta"]["revision-date"] for record in items(cloud, **asked)]
    assert listed == [date for date in dates if date >= middle]
    assert {one[0] for one in references(cloud, **asked)} == since
    until = {"revision_date[]": f",{middle}", "options[revision_date][exclude_boundary]": "true"}
    assert len(since) + len(references(cloud, **until)) == len(dates)


# Records that lie in a file


@pytest.fixture
def stored(world: World, tmp_path: Path) -> RecordFile:
    path = tmp_path / "records.jsonl"
    path.write_text("\n".join(map(json.dumps, world.granules)), encoding="utf-8")
    return RecordFile(path)


def same_columns(one: Columns, other: Columns) -> bool:
    return (
        {name: list(texts) for name, texts in one.texts.items()}
        == {name: list(texts) for name, texts in other.texts.items()}
        and all((one.dates[name] == other.dates[name]).all() for name in one.dates)
        and (one.serial == other.serial).all()
        and (one.revision == other.revision).all()
        and bool((one.boxes == other.boxes).all())
    )


def test_records_in_a_file_are_those_written(world: World, stored: RecordFile) -> None:
    assert list(stored) == list(world.granules)
    assert stored[-1] == world.granules[-1]
    assert stored[2:9:3] == list(world.granules)[2:9:3]
    assert json.loads(stored.line(3)) == world.granules[3]
    with pytest.raises(IndexError):
        stored[len(stored)]


def test_columns_are_kept_beside_the_file(stored: RecordFile) -> None:
    path = stored._path
    made = stored.columns
    (kept,) = path.parent.glob("*.npz")
    assert same_columns(RecordFile(path).columns, made)
    # They are of this very file: one that was written anew has its own.
    written = kept.stat().st_mtime_ns
    path.write_text("\n".join(map(json.dumps, reversed(list(stored)))), encoding="utf-8")
    again = RecordFile(path).columns
    assert kept.stat().st_mtime_ns != written
    assert again.texts["concept_id"] == made.texts["concept_id"][::-1]


def test_a_file_of_records_is_served_as_a_list_of_them(world: World, stored: RecordFile) -> None:
    with (
        EarthdataStandin(world=world) as listed,
        EarthdataStandin(world=replace(world, granules=stored)) as kept,
    ):
        for asked in (
            {"page_size": 7},
            {"page_size": 5, "sort_key": "-revision_date"},
            {"page_size": 5, "sort_key": "granule_ur"},
            {"bounding_box": "-180,-90,0,0"},
        ):
            assert items(kept, **asked) == items(listed, **asked)
            assert references(kept, **asked) == references(listed, **asked)


def test_changed_records(world: World, stored: RecordFile) -> None:
    revised = copy.deepcopy(stored[4])
    revised["meta"]["revision-id"] += 1
    revised["meta"]["revision-date"] = "2030-01-01T00:00:00.000Z"
    new = copy.deepcopy(stored[0])
    new["meta"]["concept-id"] = "G999-NSIDC_CPRD"
    changed = ChangedRecords(stored, replaced={4: revised}, removed=[1, 7], added=[new])
    records = list(world.granules)
    records[4] = revised
    expected = [*records[:1], *records[2:7], *records[8:], new]
    assert list(changed) == expected
    assert len(changed) == len(expected)
    assert same_columns(changed.columns, Columns.of_granules(expected))
    with EarthdataStandin(world=replace(world, granules=stored)) as cloud:
        before = references(cloud)
        cloud.world = replace(world, granules=changed)
        assert set(references(cloud)) - set(before) == set(as_references([revised, new]))
        assert len(references(cloud, updated_since="2029-12-31T00:00:00Z")) == 1


def test_a_search_is_done_once_for_all_its_pages(
    world: World, stored: RecordFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[CmrQuery] = []
    search = Holdings.search

    def count(held: Holdings, query: CmrQuery, *, loose: bool) -> Any:
        searched.append(query)
        return search(held, query, loose=loose)

    monkeypatch.setattr(Holdings, "search", count)
    starts = sorted(
        {r["umm"]["TemporalExtent"]["RangeDateTime"]["BeginningDateTime"] for r in world.granules}
    )
    windows = [f"{a},{b}" for a, b in itertools.pairwise(starts)][:8]
    with EarthdataStandin(world=replace(world, granules=stored)) as cloud:
        assert len(references(cloud, page_size=1)) == len(stored)
        assert len(searched) == 1
        together = threading.Barrier(4)

        def window(temporal: str) -> int:
            together.wait(10)
            return len(references(cloud, page_size=1, **{"temporal[]": temporal}))

        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(window, windows))
        assert min(found) > 0
        assert len(searched) == 1 + len(windows)
