"""The stand-in's STAC API, asked by clients that no one here wrote."""

from __future__ import annotations

from typing import Any

import pystac
import pytest
import requests
from pystac.validation.stac_validator import JsonSchemaSTACValidator
from pystac_client import Client

from earthdata_standin import EarthdataStandin

CLOUD = "NSIDC_CPRD"
V007 = "C3326974349-NSIDC_CPRD"
PACIFIC = (-180.0, -60.0, -100.0, 60.0)


def names(cloud: EarthdataStandin, concept_id: str = V007) -> set[str]:
    """GranuleURs of a collection."""
    return {
        record["umm"]["GranuleUR"]
        for record in cloud.world.granules
        if record["meta"]["collection-concept-id"] == concept_id
    }


def get(cloud: EarthdataStandin, path: str, **parameters: Any) -> requests.Response:
    return requests.get(f"{cloud.stac_url}/{path}", params=parameters, timeout=10)


@pytest.fixture
def client(cloud: EarthdataStandin) -> Client:
    return Client.open(f"{cloud.stac_url}/{CLOUD}")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_pystac_client_pages_through_all(
    cloud: EarthdataStandin, client: Client, method: str
) -> None:
    search = client.search(method=method, collections=["ATL03_007"], limit=5)
    pages = list(search.pages_as_dicts())
    found = [item["id"] for page in pages for item in page["features"]]
    assert set(found) == names(cloud)
    assert len(found) == len(set(found)) == search.matched()
    assert all(len(page["features"]) <= 5 for page in pages)
    # The last page that holds anything leads to one more, which is empty.
    assert pages[-1]["links"][-1]["rel"] == "next"
    asked = [one for one in cloud.requests if one.path.endswith("/search")]
    assert {one.method for one in asked[1:-2]} == {"GET"}  # next links are, also after a POST


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_conditions(cloud: EarthdataStandin, client: Client, method: str) -> None:
    def found(**conditions: Any) -> set[str]:
        search = client.search(method=method, collections=["ATL03_007"], **conditions)
        return {item.id for item in search.items()}

    everything = list(client.search(collections="ATL03_007").items())
    late = {item.id for item in everything if item.properties["end_datetime"] >= "2020"}
    assert found(datetime="2020-01-01T00:00:00Z/..") == late
    near = found(bbox=PACIFIC)
    assert 0 < len(near) < len(everything)
    some = sorted(names(cloud))[:2]
    assert found(ids=some) == set(some)
    assert found(limit=3) == names(cloud)


def test_the_search_by_place_is_cmrs(cloud: EarthdataStandin, client: Client) -> None:
    def found() -> set[str]:
        search = client.search(collections="ATL03_007", bbox=(0, -20, 30, 20))
        return {item.id for item in search.items()}

    assert found()  # what crosses ±180, on the other side of the globe
    cloud.faults.loose_search = False
    assert not found()


def test_items_are_valid_and_flawed(
    cloud: EarthdataStandin, client: Client, validator: JsonSchemaSTACValidator
) -> None:
    items = list(client.search(collections="ATL03_007").items())
    for item in items:
        item.validate(validator=validator)
        data = [asset for asset in item.assets.values() if asset.href.endswith(".h5")]
        assert data
        assert item.id.startswith(data[0].href.rsplit("/", 1)[1])
    assert len({key for item in items for key in item.assets}) > len(items)
    assert any(item.bbox and item.bbox[2] - item.bbox[0] > 350 for item in items)
    assert any(not item.id.endswith(".h5") for item in items)  # suffixed


def test_what_has_no_polygon_has_no_geometry(cloud: EarthdataStandin) -> None:
    page = get(cloud, "NSIDC_ECS/search", collections="ATL03_006").json()
    assert {item["geometry"] for item in page["features"]} == {None}
    assert page["features"][0]["bbox"] == [-180, -90, 180, 90]
    assert page["features"][0]["id"].startswith("SC:ATL03.006:")


def test_collections(
    cloud: EarthdataStandin, client: Client, validator: JsonSchemaSTACValidator
) -> None:
    found = {one.id: one for one in client.get_collections()}
    assert set(found) == {"ATL03_006", "ATL03_007"}
    for one in found.values():
        one.validate(validator=validator)
    assert client.get_collection("ATL03_007").id == "ATL03_007"
    assert client.get_collection("ATL03.v007").id == "ATL03_007"
    assert client.get_collection("ATL03_008") is None
    item = next(iter(found["ATL03_007"].get_items()))
    assert pystac.Item.from_dict(requests.get(item.self_href, timeout=10).json()).id == item.id


@pytest.mark.parametrize(
    ("path", "parameters", "status", "words"),
    [
        ("NOBODY", {}, 404, "Provider [NOBODY] not found."),
        (f"{CLOUD}/collections/x", {}, 404, "Collection with ID [x] in provider"),
        (f"{CLOUD}/collections/ATL03_007/items/x", {}, 404, "Could not find item with ID [x]"),
        (f"{CLOUD}/search", {"bbox": "170,-20,-170,20"}, 400, "BBOX must be in the form"),
        (f"{CLOUD}/search", {"bbox": "1,2,3"}, 400, "BBOX must be in the form"),
        (f"{CLOUD}/search", {"limit": "5001"}, 400, "Limit must be between"),
        (f"{CLOUD}/search", {"datetime": "2019-01-01"}, 400, "valid date format"),
        (f"{CLOUD}/search", {"cursor": "?"}, 400, ""),
    ],
)
def test_refusals(
    cloud: EarthdataStandin, path: str, parameters: dict[str, str], status: int, words: str
) -> None:
    answer = get(cloud, path, **parameters)
    assert answer.status_code == status
    assert words in answer.json()["errors"][0]


def test_a_page_holds_a_hundred_at_most(cloud: EarthdataStandin) -> None:
    page = get(cloud, f"{CLOUD}/search", limit="250").json()
    assert page["context"]["limit"] == 100
    assert len(get(cloud, f"{CLOUD}/search").json()["features"]) == 10


def test_a_collection_that_is_not_there_has_no_items(cloud: EarthdataStandin) -> None:
    page = get(cloud, f"{CLOUD}/search", collections="ATL03_005").json()
    assert (page["features"], page["context"]["matched"]) == ([], 0)
    assert [link["rel"] for link in page["links"]][-1] == "first"


def test_faults(cloud: EarthdataStandin) -> None:
    cloud.faults.stac_unavailable = 1
    assert get(cloud, CLOUD).status_code == 503
    cloud.faults.stac_not_json = 1
    assert get(cloud, CLOUD).text.startswith("<html>")
    cloud.faults.stac_truncate = 1
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        get(cloud, CLOUD)
    cloud.faults.unavailable = 1  # CMR's
    assert get(cloud, CLOUD).status_code == 503
    assert get(cloud, CLOUD).json()["id"] == CLOUD
    bad = requests.post(f"{cloud.stac_url}/{CLOUD}/search", data=b"{", timeout=10)
    assert bad.status_code == 400
