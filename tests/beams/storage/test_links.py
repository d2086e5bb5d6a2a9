"""Which links of a granule may be followed, and in which order."""

from __future__ import annotations

import itertools
import pickle
from typing import get_args

import pytest

from catalog_builder.beams.storage.links import Access, GranuleLinks, Transport
from catalog_builder.errors import AccessError, ProductError

ALL = {"local": "/data/granule.h5", "s3": "s3://bucket/key", "https": "https://host/granule.h5"}
TRANSPORTS: tuple[Transport, ...] = get_args(Transport)


@pytest.mark.parametrize(
    "names", [some for n in range(4) for some in itertools.combinations(TRANSPORTS, n)]
)
def test_auto_takes_every_link_there_is_the_nearest_first(names: tuple[Transport, ...]) -> None:
    links = GranuleLinks(**{name: ALL[name] for name in names})
    if not names:
        with pytest.raises(AccessError, match=r"access=.auto. needs a link.*has none at all"):
            links.allowed("auto")
        return
    expected = [name for name in ("local", "s3", "https") if name in names]
    assert list(links.allowed("auto")) == expected
    assert links.allowed("auto") == {name: ALL[name] for name in expected}


@pytest.mark.parametrize("access", TRANSPORTS)
def test_a_named_transport_is_the_only_one(access: Transport) -> None:
    assert GranuleLinks(**ALL).allowed(access) == {access: ALL[access]}
    others = {name: href for name, href in ALL.items() if name != access}
    with pytest.raises(AccessError, match=f"needs a link .* has {', '.join(others)}"):
        GranuleLinks(**others).allowed(access)


def test_an_unknown_transport_is_refused_and_an_empty_link_is_none() -> None:
    unknown: Access = "ftp"  # type: ignore[assignment]
    with pytest.raises(ValueError, match="access='ftp': expected auto, s3, https or local"):
        GranuleLinks(**ALL).allowed(unknown)
    assert GranuleLinks(local="", https=ALL["https"]).allowed("auto") == {"https": ALL["https"]}


def test_a_worker_gets_equal_links_and_no_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARTHDATA_TOKEN", "very-secret")
    links = GranuleLinks(**ALL, credentials_endpoint="https://keys.example.org")
    sent = pickle.dumps(links)
    assert pickle.loads(sent) == links
    assert b"very-secret" not in sent


NAME = "20220401221822_01501506_006_02.h5"


@pytest.mark.parametrize(
    ("href", "sibling"),
    [
        (f"s3://b/ATL03_{NAME}", False),
        (f"https://h/ATL08_{NAME}?x=/ATL03", True),
        (f"/a/processed_ATL06_{NAME}", True),
        ("/a/mine.h5", False),
        ("/a/ATL03_subset.h5", False),
        ("/a/ATLAS_copy.h5", False),
        ("/a/ATL08_subset.h5", True),
    ],
)
def test_siblings_are_known_by_their_names(href: str, sibling: bool) -> None:
    links = (
        GranuleLinks(s3=href)
        if href.startswith("s3")
        else GranuleLinks(https=href)
        if href.startswith("https")
        else GranuleLinks(local=href)
    )
    assert links.is_sibling is sibling


def test_products_that_are_not_opened_are_refused() -> None:
    with pytest.raises(ProductError, match="ATL09 is not opened here"):
        _ = GranuleLinks(local=f"ATL09_{NAME}").is_sibling
