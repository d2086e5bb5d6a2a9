"""Which links of a granule may be followed, and in which order."""

from __future__ import annotations

import itertools
import pickle
from typing import get_args

import pytest

from catalog_builder.beams.storage.links import Access, GranuleLinks, Transport
from catalog_builder.errors import AccessError

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
