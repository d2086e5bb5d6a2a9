"""Which URLs stay on this machine, and what may be shown of one."""

from __future__ import annotations

import pytest

from catalog_builder.transport.hosts import advice, is_loopback, origin


def test_an_origin_shows_no_secret() -> None:
    assert (
        origin("https://me:secret@Host.org:8443/path?Signature=secret") == "https://host.org:8443"
    )


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("HTTP://Host.ORG/path", "http://host.org"),
        ("s3://bucket/key?x=1", "s3://bucket"),
        ("https://[::1]:443/x", "https://[::1]"),
        ("https://Host.org:443", "https://host.org"),
        ("http://host.org:80/", "http://host.org"),
        ("http://host.org:443/", "http://host.org:443"),
        ("https://host.org:4443/", "https://host.org:4443"),
        ("https://[broken", "an unreadable URL"),
    ],
)
def test_origins(url: str, shown: str) -> None:
    assert origin(url) == shown


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://localhost:80/x", True),
        ("http://127.0.0.1", True),
        ("http://127.8.9.1:9/x", True),
        ("http://[::1]:80/x", True),
        ("http://me@127.0.0.1/x", True),
        ("http://127.0.0.1@evil.com/x", False),
        ("http://127.0.0.1.evil.com/x", False),
        ("http://localhost.evil.com/x", False),
        ("http://10.0.0.1/x", False),
        ("http:///x", False),
        ("https://[broken", False),
    ],
)
def test_loopback(url: str, here: bool) -> None:
    assert is_loopback(url) == here


def test_a_demo_whose_cloud_has_stopped_is_thought_of() -> None:
    assert "`catalog-builder standin DIR` starts it again" in advice("http://127.0.0.1:8107/s3")
    assert advice("https://data.nsidc.earthdatacloud.nasa.gov/x") == (
        "check the network and try again"
    )
