"""Answers of the stand-in beside recorded ones of NASA's services to requests of the same kind.

Same status, same headers that a client goes by, body of the same shape. Statuses, header forms
and keys that NASA's answers have and the stand-in's lack are faults of the stand-in; what it
leaves out on purpose is listed here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from earthdata_standin import EarthdataStandin

CMR = "cmr.earthdata.nasa.gov"
LOGIN = "urs.earthdata.nasa.gov"

FORMS = {
    "CMR-Hits": r"\d+",
    "CMR-Took": r"\d+",
    "CMR-Request-Id": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "Content-MD5": r"[0-9a-f]{32}",
    "Content-SHA1": r"[0-9a-f]{40}",
    "Content-Type": r"application/vnd\.nasa\.cmr\.umm_results\+json;version=1\.\d+(\.\d+)?; "
    r"charset=utf-8",
}
"""Headers of CMR's pages that clients read, by their form."""


LEFT_OUT = {"association-details", "associations", "user-id"}
"""Of a collection's ``meta``: services and variables linked to it, and who wrote the record."""


@dataclass(frozen=True, kw_only=True)
class Recorded:
    method: str
    host: str
    path: str
    query: tuple[tuple[str, str], ...]
    status: int
    headers: requests.structures.CaseInsensitiveDict[str]
    body: str


@pytest.fixture(scope="session")
def recorded(real_data: Path) -> list[Recorded]:
    """NASA's answers."""
    path = real_data / "recorded" / "recorded_answers.jsonl"
    if not path.is_file():
        pytest.skip("no recorded answers on this machine")
    answers = []
    for line in path.read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        url = urlsplit(one["request"]["uri"])
        answers.append(
            Recorded(
                method=one["request"]["method"],
                host=url.netloc,
                path=url.path,
                query=tuple(parse_qsl(url.query)),
                status=one["status"],
                headers=requests.structures.CaseInsensitiveDict(dict(one["headers"])),
                body=one["body"],
            )
        )
    return answers


def pages_of(recorded: list[Recorded]) -> Iterator[tuple[Recorded, dict[str, Any]]]:
    """CMR's answers to searches, with their bodies."""
    for answer in recorded:
        if answer.host == CMR:
            yield answer, json.loads(answer.body)


def ask_alike(cloud: EarthdataStandin, answer: Recorded) -> requests.Response:
    """The same request, of what the stand-in holds instead of what was asked for."""
    instead = {"short_name": "ATL03", "provider": "NSIDC_CPRD", "page_size": "2"}
    wide = {
        "bounding_box": "-180,-90,180,90",
        "temporal[]": "2018-01-01T00:00:00Z,2030-12-31T23:59:59Z",
        "revision_date[]": "2018-01-01T00:00:00Z,2030-12-31T23:59:59Z",
    }
    query = []
    for name, value in answer.query:
        if name == "page_size" and value == "0":
            query.append((name, value))
        else:
            query.append((name, (instead | wide).get(name, value)))
    url = cloud.cmr_url + answer.path.removeprefix("/search")
    return requests.request(answer.method, url, params=query, timeout=10)


def shape(value: Any) -> Any:
    """Types of a value, by name."""
    if isinstance(value, dict):
        return {name: shape(part) for name, part in value.items()}
    return type(value).__name__


def test_pages_have_the_status_headers_and_shape_of_cmrs(
    cloud: EarthdataStandin, recorded: list[Recorded]
) -> None:
    compared = 0
    for theirs, body in pages_of(recorded):
        ours = ask_alike(cloud, theirs)
        assert ours.status_code == theirs.status == 200, ours.text
        for name, form in FORMS.items():
            assert re.fullmatch(form, theirs.headers[name]), (name, theirs.headers[name])
            assert re.fullmatch(form, ours.headers[name]), (name, ours.headers[name])
        assert ours.headers["Content-MD5"] == hashlib.md5(ours.content).hexdigest()
        assert ours.headers["Content-SHA1"] == hashlib.sha1(ours.content).hexdigest()
        page = ours.json()
        assert list(page) == list(body) == ["hits", "took", "items"]
        assert ours.headers["CMR-Hits"] == str(page["hits"])
        assert page["items"] or not body["items"]
        for told, items in ((theirs.headers, body["items"]), (ours.headers, page["items"])):
            assert ("CMR-Search-After" in told) == bool(items)
        compared += 1
    assert compared > 20


def test_checksums_are_of_the_body_as_cmrs_are(recorded: list[Recorded]) -> None:
    """Where the body was recorded byte for byte."""
    fitting = 0
    for theirs, _ in pages_of(recorded):
        content = theirs.body.encode()
        if theirs.headers.get("Content-Length") == str(len(content)):
            assert theirs.headers["Content-MD5"] == hashlib.md5(content).hexdigest()
            assert theirs.headers["Content-SHA1"] == hashlib.sha1(content).hexdigest()
            fitting += 1
    assert fitting >= 10


def test_cursors_of_granules_are_written_as_cmrs(
    cloud: EarthdataStandin, recorded: list[Recorded]
) -> None:
    """Provider in lower case, start in milliseconds, number of the concept id; no spaces."""
    compared = 0
    for theirs, body in pages_of(recorded):
        if "granules" not in theirs.path or not body["items"]:
            continue
        ours = ask_alike(cloud, theirs)
        for told, items in ((theirs.headers, body["items"]), (ours.headers, ours.json()["items"])):
            text = told["CMR-Search-After"]
            assert re.fullmatch(r'\["[a-z0-9_]+",\d+,\d+\]', text)
            provider, _, serial = json.loads(text)
            assert provider == items[-1]["meta"]["provider-id"].lower()
            assert f"G{serial}-" in items[-1]["meta"]["concept-id"]
        compared += 1
    assert compared >= 10


def test_records_hold_what_cmrs_hold(cloud: EarthdataStandin, recorded: list[Recorded]) -> None:
    """``meta`` of a granule: the same names and types."""
    items = [
        item
        for answer, body in pages_of(recorded)
        if "granules" in answer.path
        for item in body["items"]
    ]
    assert len(items) > 100
    always = set.intersection(*(set(item["meta"]) for item in items))
    types = {name: {shape(item["meta"][name]) for item in items} for name in always}
    for record in cloud.world.granules:
        assert record.keys() == items[0].keys()
        assert always <= record["meta"].keys()
        for name in always:
            assert shape(record["meta"][name]) in types[name], name
        assert {"GranuleUR", "CollectionReference", "RelatedUrls"} <= record["umm"].keys()


def test_collections_hold_what_cmrs_hold(
    cloud: EarthdataStandin, recorded: list[Recorded]
) -> None:
    """Those in the cloud, as all the recorded ones are."""
    items = [
        item
        for answer, body in pages_of(recorded)
        if "collections" in answer.path
        for item in body["items"]
    ]
    assert len(items) > 20
    always = set.intersection(*(set(item["meta"]) for item in items))
    fields = set.intersection(*(set(item["umm"]) for item in items))
    hosted = [one for one in cloud.world.collections if one["meta"]["provider-id"] == "NSIDC_CPRD"]
    assert hosted
    for record in hosted:
        assert always - record["meta"].keys() <= LEFT_OUT
        assert fields <= record["umm"].keys()
    for name in always - LEFT_OUT:
        for record in hosted:
            assert shape(record["meta"][name]) in {shape(item["meta"][name]) for item in items}


def test_logins_are_answered_as_earthdata_login_does(
    cloud: EarthdataStandin, recorded: list[Recorded]
) -> None:
    """A token for the right password, 401 for a wrong one: same status, type and body."""
    url = f"{cloud.earthdata_url}/api/users/find_or_create_token"
    logins = [
        one
        for one in recorded
        if one.host == LOGIN and one.method == "POST" and one.body.startswith("{")
    ]
    assert {one.status for one in logins} == {200, 401}
    for theirs in logins:
        password = cloud.password if theirs.status == 200 else "another"
        ours = requests.post(url, auth=(cloud.username, password), timeout=10)
        assert ours.status_code == theirs.status
        assert ours.headers["Content-Type"] == theirs.headers["Content-Type"]
        assert shape(ours.json()) == shape(json.loads(theirs.body))
        if theirs.status == 401:
            assert ours.json() == json.loads(theirs.body)
        else:
            for body in (ours.json(), json.loads(theirs.body)):
                assert body["token_type"] == "Bearer"
                assert re.fullmatch(r"\d\d/\d\d/\d{4}", body["expiration_date"])


def test_refusals_are_a_list_of_errors_as_cmrs_are(
    cloud: EarthdataStandin, recorded: list[Recorded]
) -> None:
    refusals = [one for one in recorded if one.path.startswith("/search") and one.status == 400]
    assert refusals
    for theirs in refusals:
        ours = requests.get(f"{cloud.cmr_url}/granules.umm_json", {"nothing": "1"}, timeout=10)
        assert ours.status_code == theirs.status
        assert ours.headers["Content-Type"].startswith("application/json")
        assert ours.json().keys() == json.loads(theirs.body).keys() == {"errors"}
        for body in (ours.json(), json.loads(theirs.body)):
            assert {type(error) for error in body["errors"]} == {str}
