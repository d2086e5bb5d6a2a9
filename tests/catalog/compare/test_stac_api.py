from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from catalog_builder.errors import StacApiError
from catalog_builder.progress import Progress
from earthdata_standin import EarthdataStandin
from tests.catalog.compare.small_api import SmallApi, landing, open_now


def test_collections_and_items_of_the_stand_in(cloud: EarthdataStandin) -> None:
    steps: list[Progress] = []
    with open_now(landing(cloud)) as api:
        assert api.url == landing(cloud)
        chosen = api.collection("ATL03", "007")
        assert chosen == "ATL03_007"
        listing = api.items(chosen, progress=steps.append)
        found = list(listing)
    assert len(found) == listing.read == listing.matched == 12
    assert steps == [Progress(stage="reading the STAC API", done=12, total=12)]


def test_no_login_is_sent(cloud: EarthdataStandin, tmp_path: Any, monkeypatch: Any) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with open_now(landing(cloud)) as api:
        assert list(api.items("ATL03_007"))
    asked = [one for one in cloud.requests if one.path.startswith("/stac")]
    assert asked
    assert {one.authorization for one in asked} == {None}


def test_both_sides_of_180_are_searched(cloud: EarthdataStandin) -> None:
    with open_now(landing(cloud)) as api:
        listing = api.items("ATL03_007", box=(170.0, -20.0, -170.0, 20.0))
        read = list(listing)
    boxes = {
        parse_qs(one.query)["bbox"][0]
        for one in cloud.requests
        if one.path.endswith("/search") and "bbox=" in one.query
    }
    assert boxes == {"170.0,-20.0,180.0,20.0", "-180.0,-20.0,-170.0,20.0"}
    assert listing.matched == len(read) > len({item["id"] for item in read})


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_number_has_an_exponent(cloud: EarthdataStandin, method: str) -> None:
    """What CMR, behind NASA's API, would not read: the box is a little larger instead."""
    with open_now(landing(cloud)) as api:
        api._method = method
        list(api.items("ATL03_007", box=(1e-05, -3e-07, 0.5, 1e-07)))
    (box,) = {
        box
        for one in cloud.requests
        if one.path.endswith("granules.umm_json")
        for box in parse_qs(one.query).get("bounding_box", ())
    }
    assert list(map(float, box.split(","))) == [0.0, -0.0001, 0.5, 0.0001]
    assert "e" not in box


@pytest.mark.parametrize("conforms_to", [("item-search",), ("item-search", "item-search#fields")])
@pytest.mark.parametrize("method", [None, "GET", "POST"])
def test_only_the_needed_fields_are_requested(
    conforms_to: tuple[str, ...], method: str | None
) -> None:
    small = SmallApi([["a", "b"], ["c"]], conforms_to=conforms_to, method=method)
    interval = (datetime(2019, 1, 1, tzinfo=UTC), datetime(2019, 1, 31, 23, 59, 59, 5, tzinfo=UTC))
    with small.server as server, open_now(server.url) as api:
        listing = api.items(api.collection("ATL03", "007"), (1.0, 2.0, 3.0, 4.0), interval)
        assert [item["id"] for item in listing] == ["a", "b", "c"]
        assert (listing.read, listing.matched) == (3, None)
        search = next(one for one in server.asked if one.path.startswith("/find"))
    assert search.method == (method or "GET")
    if method != "POST":
        asked = parse_qs(urlsplit(search.path).query)
        assert asked["bbox"] == ["1.0,2.0,3.0,4.0"]
        assert asked["datetime"] == ["2019-01-01T00:00:00Z/2019-02-01T00:00:00Z"]
        fields = ["+id,+assets,+geometry,-links"] if len(conforms_to) > 1 else None
        assert asked.get("fields") == fields
        assert asked["collections"] == ["atl03-v7"]


@pytest.mark.parametrize("count", [{"numberMatched": 9}, {"context": {"matched": 9}}])
def test_what_the_api_says_it_has(count: dict[str, Any]) -> None:
    small = SmallApi([["a"], ["b"]], change=lambda page: page.update(count))
    with small.server as server, open_now(server.url) as api:
        listing = api.items("atl03-v7")
        assert (len(list(listing)), listing.matched) == (2, 9)


@pytest.mark.parametrize("name", ["ATL03_007", "atl03.v007", "ATL03-v7", "ATL03 007", "Atl03.7"])
def test_a_collection_is_known_by_its_name(name: str) -> None:
    small = SmallApi([], ids=("ATL03_006", name, "ATL06_007", "ATL03_0071"))
    with small.server as server, open_now(server.url) as api:
        assert api.collection("ATL03", "007") == name


@pytest.mark.parametrize(
    ("ids", "wanted", "words"),
    [
        (("ATL03_006", "ATL08_007"), None, "no collection named like ATL03_007: of ATL03 it has"),
        (("ATL08_007",), None, "none of its 1 is named after ATL03"),
        (("ATL03.v007", "atl03-007"), None, "has 2 collections named like ATL03_007"),
        (("ATL03.v007",), "ATL03_9", "has no collection 'ATL03_9': of ATL03 it has ATL03.v007"),
    ],
)
def test_no_such_collection(ids: tuple[str, ...], wanted: str | None, words: str) -> None:
    small = SmallApi([], ids=ids)
    with small.server as server, open_now(server.url) as api:
        with pytest.raises(StacApiError, match=words) as caught:
            api.collection("ATL03", "007", wanted=wanted)
        assert "--collection" in str(caught.value)


# What goes wrong


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("cmr.earthdata.nasa.gov/stac", "is not the address of a STAC API"),
        ("http://[", "is not the address of a STAC API"),
        ("http://me:secret@127.0.0.1:9/stac", "127.0.0.1 contains a login"),
        ("http://127.0.0.1:9/stac", "127.0.0.1:9 cannot be reached: Connection refused"),
    ],
)
def test_addresses_that_cannot_be(url: str, words: str) -> None:
    with pytest.raises(StacApiError, match=words) as caught:
        open_now(url)
    assert "secret" not in str(caught.value)


def test_a_catalog_of_apis_names_them(cloud: EarthdataStandin) -> None:
    with pytest.raises(StacApiError, match="without item search") as caught:
        open_now(cloud.stac_url)
    assert landing(cloud) in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda page: page.update(features=7),
        lambda page: page.update(links=[{"href": "nowhere"}]),
        lambda page: page.update(context={"matched": "many"}, links=7),
    ],
)
def test_pages_that_are_not_stac(change: Callable[[dict[str, Any]], None]) -> None:
    small = SmallApi([["a"], ["b"]], change=change)
    with small.server as server, open_now(server.url) as api:
        listing = api.items("atl03-v7")
        with pytest.raises(StacApiError, match="does not follow STAC"):
            list(listing)


def test_pages_that_lead_in_a_circle() -> None:
    def circle(page: dict[str, Any]) -> None:
        page["links"] = [{"rel": "next", "href": f"{small.server.url}/find?page=1"}]

    small = SmallApi([["a"], ["b"]], change=circle)
    with small.server as server, open_now(server.url) as api:
        listing = api.items("atl03-v7")
        with pytest.raises(StacApiError, match="gives the same page again, after 1 of"):
            list(listing)
