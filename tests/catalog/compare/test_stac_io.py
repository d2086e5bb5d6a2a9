"""What a STAC API answers, and what is raised where it answers otherwise."""

from __future__ import annotations

import time

import pytest
from scripted_server import Answer, Asked, ScriptedServer

from catalog_builder.errors import StacApiError
from earthdata_standin import EarthdataStandin
from tests.catalog.compare.small_api import HTML, as_json, landing, open_now


@pytest.mark.parametrize("fault", ["stac_unavailable", "stac_truncate", "stac_not_json"])
def test_a_fault_that_passes_is_not_noticed(cloud: EarthdataStandin, fault: str) -> None:
    with open_now(landing(cloud)) as api:
        setattr(cloud.faults, fault, 2)
        assert api.collection("ATL03", "007") == "ATL03_007"
        setattr(cloud.faults, fault, 1)
        assert len(list(api.items("ATL03_007"))) == 12


def test_a_fault_that_stays_is_an_error_that_names_it(cloud: EarthdataStandin) -> None:
    with open_now(landing(cloud), retries=0) as api:
        cloud.faults.stac_unavailable = 1
        with pytest.raises(StacApiError, match=r"cannot answer now, .*/ATL03_007 \(HTTP 503\): "):
            api.collection("ATL03", "007")
        cloud.faults.stac_not_json = 1
        with pytest.raises(StacApiError, match="is not STAC: 'Down for maintenance'"):
            list(api.items("ATL03_007"))
        cloud.faults.stac_truncate = 1
        with pytest.raises(StacApiError, match="/search, ended early"):
            list(api.items("ATL03_007"))


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (HTML, None, "is not STAC: 'Our data portal'. Give the landing page of a STAC API"),
        (as_json({"hello": 1}), None, "is not STAC"),
        (as_json([1]), None, "is not STAC"),
        (as_json({"type": "Catalog"}), None, "is not the landing page of a STAC API"),
        (as_json({"type": "Feature", "id": "x"}), None, "is not the landing page of a STAC API"),
        (as_json({"detail": "Gone."}, 404), 404, r"There is no .* \(HTTP 404\): 'Gone'"),
        (as_json({"errors": ["No."]}, 400), 400, r"refuses .* \(HTTP 400\): 'No'"),
        (as_json({}, 401), 401, "requires a login"),
        (Answer(status=403), 403, r"\(HTTP 403\): an empty body. Only public APIs"),
        (as_json({"message": "Later."}, 502), 502, r"cannot answer now, .* \(HTTP 502\)"),
    ],
)
def test_what_is_no_stac_api(answer: Answer, status: int | None, words: str) -> None:
    with ScriptedServer(lambda _: answer) as server:
        with pytest.raises(StacApiError, match=words) as caught:
            open_now(f"{server.url}/there?token=secret", retries=0)
        assert len(server.asked) == 1
    assert caught.value.status == status
    assert server.url.removeprefix("http://") in str(caught.value)
    assert "secret" not in str(caught.value)


def test_an_answer_that_does_not_come() -> None:
    def wait(_: Asked) -> Answer:
        time.sleep(0.3)
        return HTML

    with ScriptedServer(wait) as server, pytest.raises(StacApiError, match="no answer in time"):
        open_now(server.url, timeout=(1.0, 0.1), retries=0)
