from __future__ import annotations

import dataclasses
import pickle
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from catalog_builder._version import __version__
from catalog_builder.catalog.cmr.client import CmrClient
from catalog_builder.catalog.cmr.query import GranuleQuery
from catalog_builder.errors import (
    CmrError,
    CmrQueryError,
    CmrUnavailableError,
    UntrustedHostError,
)
from earthdata_standin import EarthdataStandin, Faults
from tests.catalog.cmr.scripted_cmr import (
    QUERY,
    Answer,
    Asked,
    answering,
    connected,
    numbers,
    record,
    serving,
)

# The query's URL


def test_python_cmr_writes_the_query() -> None:
    query = GranuleQuery(
        collection_concept_id="C1-X",
        bounding_box=(176.5, -20.0, -178.0, -15.5),
        temporal=(datetime(2018, 10, 13, tzinfo=UTC), datetime(2018, 10, 13, 1, 2, 3, 5, UTC)),
        revised=(datetime(2025, 1, 1, tzinfo=UTC), None),
    )
    parts = urlsplit(query.url("http://host/search/"))
    assert parts.path == "/search/granules.umm_json_v1_6_6"
    assert parse_qs(parts.query) == {
        "collection_concept_id[]": ["C1-X"],
        "bounding_box": ["176.5,-20.0,-178.0,-15.5"],
        # The last second is taken whole: python-cmr drops its fraction.
        "temporal[]": ["2018-10-13T00:00:00Z,2018-10-13T01:02:04Z"],
        "revision_date[]": ["2025-01-01T00:00:00Z,"],
        "sort_key": ["revision_date"],
    }


@pytest.mark.parametrize("tail", ["", "/", "/search", "/search/"])
def test_the_address_may_be_short(tail: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CMR_URL", f"https://cmr.example.org{tail}")
    with CmrClient() as client:
        assert client.url == "https://cmr.example.org/search"


def test_nasa_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CMR_URL", raising=False)
    with CmrClient() as client:
        assert client.url == "https://cmr.earthdata.nasa.gov/search"


@pytest.mark.parametrize("url", ["cmr.earthdata.nasa.gov", "ftp://host/search", "https:///search"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(CmrError, match="CMR_URL"):
        CmrClient(url)


# Paging


def test_every_request_names_the_client_and_uses_one_connection() -> None:
    with answering(Answer([record(1)], "a"), Answer([])) as script:
        with connected(script, client_id="tests") as (client, _):
            list(client.granules(QUERY))
        with connected(script) as (client, _):
            list(client.granules(QUERY))
    assert [one.headers["Client-Id"] for one in script.asked] == [
        "tests", "tests", f"catalog-builder/{__version__}"
    ]  # fmt: skip


def test_hits_alone_read_no_record() -> None:
    with answering(Answer([], "a", hits=412_345)) as script, connected(script) as (client, _):
        assert client.hits(QUERY) == 412_345
    assert script.asked[0].query["page_size"] == ["0"]


# Faults that pass

GOOD = Answer([record(1)], hits=1)
BAD = {
    "429": Answer(status=429, body=b'{"errors": ["Too many requests."]}'),
    "500": Answer(status=500, body=b'{"errors": ["An Internal Error has occurred."]}'),
    "503": Answer(status=503, body=b"<html><b>Service Unavailable</b></html>"),
    "504": Answer(status=504, body=b""),
    "timed out": Answer([record(7)], "a", hits=9, headers={"CMR-Timed-Out": "true"}),
    "timed out, as documented": Answer([record(7)], "a", hits=9, headers={"CMR-Time-Out": "true"}),
    "cut off": Answer([record(7)], hits=1, length=10_000),
    "half a JSON": Answer(body=b'{"hits": 1, "items": [{"meta"', headers={"CMR-Hits": "1"}),
    "HTML": Answer(body=b"<html><body>Log in</body></html>"),
    "no items": Answer(body=b'{"hits": 3}'),
    "a list": Answer(body=b"[]"),
    "items is text": Answer(body=b'{"hits": 3, "items": "abc"}'),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_a_fault_that_passes_is_not_noticed(bad: Answer) -> None:
    with answering(GOOD, bad, bad, GOOD) as script, connected(script) as (client, pauses):
        assert numbers(client.granules(QUERY)) == [("G1-X", 1)]
        assert numbers(client.granules(QUERY)) == [("G1-X", 1)]
    assert len(script.asked) == 4
    assert [1 <= pauses[0] <= 1.25, 2 <= pauses[1] <= 2.5] == [True, True]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("429", "Too many requests"),
        ("503", "Service Unavailable"),
        ("504", "an empty body"),
        ("timed out", "only part"),
        ("cut off", "ended early"),
        ("half a JSON", "not a page of records"),
        ("HTML", "Log in"),
    ],
)
def test_a_fault_that_stays_is_raised_in_cmrs_words(name: str, message: str) -> None:
    bad = dataclasses.replace(BAD[name], headers={**BAD[name].headers, "CMR-Request-Id": "r-1"})
    with answering(bad) as script, connected(script, retries=3) as (client, pauses):
        with pytest.raises(CmrUnavailableError, match=message) as error:
            list(client.granules(QUERY))
        assert len(script.asked) == 4
        assert len(pauses) == 3
    assert error.value.request_id == "r-1"
    assert "r-1" in str(error.value)
    assert error.value.status == bad.status


def test_no_record_of_a_broken_page_is_yielded() -> None:
    with answering(BAD["timed out"]) as script, connected(script, retries=1) as (client, _):
        listing = client.granules(QUERY)
        with pytest.raises(CmrUnavailableError):
            next(listing)
        assert listing.read == 0


def test_pauses_grow_and_have_an_end() -> None:
    with (
        answering(BAD["503"]) as script,
        connected(script, retries=9) as (client, pauses),
        pytest.raises(CmrUnavailableError),
    ):
        client.hits(QUERY)
    bases = [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert all(b <= p <= 1.25 * b for p, b in zip(pauses, bases, strict=True))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": "soon"}, 1),
        ({"Retry-After": "Sun, 29 Nov 99999999999 10:00:00 GMT"}, 1),
        ({"Retry-After": "Mon, 01 Jan 0001 00:00:00 -0000"}, 0),
    ],
)
def test_retry_after_is_honoured(headers: dict[str, str], seconds: float) -> None:
    bad = dataclasses.replace(BAD["429"], headers=headers)
    with answering(bad, GOOD) as script, connected(script) as (client, pauses):
        list(client.granules(QUERY))
    assert seconds - 0.1 <= sum(pauses) <= seconds * 1.25


def test_retry_after_as_a_date_is_honoured() -> None:
    until = format_datetime(datetime.fromtimestamp(datetime.now().timestamp() + 30, UTC), True)
    bad = dataclasses.replace(BAD["429"], headers={"Retry-After": until})
    with answering(bad, GOOD) as script, connected(script) as (client, pauses):
        list(client.granules(QUERY))
    assert 27 <= pauses[0] <= 40


def test_a_wait_of_an_hour_is_not_waited() -> None:
    bad = dataclasses.replace(BAD["429"], headers={"Retry-After": "3600"})
    with (
        answering(bad) as script,
        connected(script) as (client, pauses),
        pytest.raises(CmrUnavailableError, match="wait 3600 s"),
    ):
        client.hits(QUERY)
    assert pauses == []


def test_nobody_answers() -> None:
    with answering(GOOD) as script:
        pass
    with connected(script) as (client, pauses), pytest.raises(CmrUnavailableError) as error:
        client.hits(QUERY)
    message = str(error.value)
    assert urlsplit(script.url).netloc in message
    assert "Connection refused" in message
    assert "CMR_URL" in message
    assert "\n" not in message
    assert len(pauses) == 1  # a host that never answered is not waited for


def test_an_answer_that_does_not_come() -> None:
    with (
        serving(_late) as script,
        connected(script, timeout=(1, 0.05), retries=1) as (client, _),
        pytest.raises(CmrUnavailableError, match="no answer in time"),
    ):
        client.hits(QUERY)


def _late(_: Asked) -> Answer:
    time.sleep(0.2)
    return GOOD


# Refusals


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, CmrQueryError),
        (413, CmrQueryError),
        (401, CmrError),
        (403, CmrError),
        (404, CmrError),
    ],
)
def test_a_refusal_is_raised_at_once_in_cmrs_words(status: int, kind: type[CmrError]) -> None:
    answer = Answer(
        status=status,
        body=b'{"errors": ["Parameter [foo] was not recognized."]}',
        headers={"CMR-Request-Id": "r-2"},
    )
    with (
        answering(answer) as script,
        connected(script) as (client, pauses),
        pytest.raises(kind, match=r"Parameter \[foo\] was not recognized") as error,
    ):
        client.hits(QUERY)
    assert not isinstance(error.value, CmrUnavailableError)
    assert isinstance(error.value, CmrQueryError) == (kind is CmrQueryError)
    assert (error.value.status, error.value.request_id) == (status, "r-2")
    assert len(script.asked) == 1
    assert pauses == []


def test_errors_may_name_a_path() -> None:
    body = b'{"errors": [{"path": ["x"], "errors": ["is not good"]}]}'
    with (
        answering(Answer(status=400, body=body)) as script,
        connected(script) as (client, _),
        pytest.raises(CmrQueryError, match="is not good"),
    ):
        client.hits(QUERY)


# Tokens


def test_a_token_goes_to_trusted_hosts_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CATALOG_BUILDER_TRUSTED_HOSTS", raising=False)
    with answering(GOOD) as script:
        with pytest.raises(UntrustedHostError) as error:
            CmrClient(script.url, token="secret")
        assert "secret" not in str(error.value)
        monkeypatch.setenv("CATALOG_BUILDER_TRUSTED_HOSTS", "127.0.0.1")
        with connected(script, token="secret") as (client, _):
            client.hits(QUERY)
            assert "secret" not in repr(vars(client))
            with pytest.raises(TypeError, match="cannot be pickled"):
                pickle.dumps(client)
    assert [one.headers["Authorization"] for one in script.asked] == ["Bearer secret"]


def test_netrc_is_not_read(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with answering(GOOD) as script, connected(script) as (client, _):
        client.hits(QUERY)
    assert "Authorization" not in script.asked[0].headers


def test_a_token_does_not_follow_a_redirect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATALOG_BUILDER_TRUSTED_HOSTS", "127.0.0.1")
    with answering(GOOD) as elsewhere:
        there = Answer(status=302, headers={"Location": elsewhere.url}, body=b"")
        with answering(there) as script, connected(script, token="secret") as (client, _):
            client.hits(QUERY)
    assert "Authorization" in script.asked[0].headers
    assert "Authorization" not in elsewhere.asked[0].headers


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(GOOD) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/search"))
        with CmrClient("http://cmr.invalid") as client:
            assert client.hits(QUERY) == 1


# The whole, against the stand-in


def test_collections_in_the_cloud_and_on_premises(cloud: EarthdataStandin) -> None:
    with CmrClient() as client:
        everywhere = client.collections(short_name="ATL03")
        in_cloud = client.collections(short_name="ATL03", cloud_hosted=True)
        one = client.collections(short_name="ATL03", version="006", provider="NSIDC_ECS")
        assert client.collections(short_name="ATL99&version=007") == []
        assert client.collection("ATL03", "007", "NSIDC_CPRD") in in_cloud
    assert [(c.provider, c.version, c.cloud_hosted) for c in everywhere] == [
        ("NSIDC_CPRD", "006", True), ("NSIDC_CPRD", "007", True), ("NSIDC_ECS", "006", False)
    ]  # fmt: skip
    assert in_cloud == everywhere[:2]
    assert one == everywhere[2:]
    assert all(c.granule_count for c in everywhere)
    assert in_cloud[1].credentials_endpoint == cloud.credentials_endpoint


def test_a_collection_that_is_not_there_is_answered_with_those_that_are(
    cloud: EarthdataStandin,
) -> None:
    with CmrClient() as client, pytest.raises(CmrQueryError) as error:
        client.collection("ATL03", "007", "NSIDC_ECS")
    for known in ("NSIDC_CPRD 007 (C3326974349-NSIDC_CPRD)", "NSIDC_ECS 006"):
        assert known in str(error.value)


def test_all_faults_together_lose_nothing(cloud: EarthdataStandin) -> None:
    query = GranuleQuery(collection_concept_id="C3326974349-NSIDC_CPRD", page_size=3)
    wanted = {
        record["meta"]["concept-id"]
        for record in cloud.world.granules
        if record["meta"]["concept-id"].endswith("CPRD")
        and record["meta"]["collection-concept-id"] == query.collection_concept_id
    }
    faults = cloud.faults
    with CmrClient(sleep=lambda _: None) as client:
        faults.short_pages = True
        found = []
        for record in client.granules(query):
            if len(found) in (1, 3, 5):
                faults.retry_after = faults.unavailable = faults.timed_out = 1
                faults.truncate = faults.not_json = 1
            found.append(record["meta"]["concept-id"])
    assert sorted(found) == sorted(wanted)


def test_a_restricted_collection_takes_a_token(cloud: EarthdataStandin) -> None:
    cloud.faults.restricted = {"C3326974349-NSIDC_CPRD"}
    query = GranuleQuery(collection_concept_id="C3326974349-NSIDC_CPRD")
    with CmrClient() as client:
        assert client.hits(query) == 0
    with CmrClient(token=cloud.token) as client:
        assert client.hits(query) > 0
    with CmrClient(token="stale") as client, pytest.raises(CmrError, match="does not exist"):
        client.hits(query)


def test_cmrs_own_words_for_a_bad_query(cloud: EarthdataStandin) -> None:
    query = GranuleQuery(collection_concept_id="C1-X", page_size=2001)
    with CmrClient() as client, pytest.raises(CmrQueryError, match="between 0 and 2000"):
        list(client.granules(query))


def test_every_real_record_comes_once(real_data: Path) -> None:
    records = real_data / "cmr" / "atl03_v007_granules.umm.jsonl"
    with (
        EarthdataStandin(records=records, faults=Faults(short_pages=True)) as cloud,
        CmrClient(cloud.cmr_url) as client,
    ):
        collection = client.collection("ATL03", "007", "NSIDC_CPRD")
        listing = client.granules(
            GranuleQuery(collection_concept_id=collection.concept_id, page_size=500)
        )
        found = [record["meta"]["concept-id"] for record in listing]
    assert len(found) == len(set(found)) == listing.hits == 1408
