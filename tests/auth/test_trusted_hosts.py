from __future__ import annotations

from fnmatch import fnmatchcase
from urllib.parse import urlsplit

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.auth.trusted_hosts import NASA_HOSTS, is_trusted, require_trusted
from catalog_builder.errors import UntrustedHostError

LOOPBACK = {"CATALOG_BUILDER_TRUSTED_HOSTS": "127.0.0.1, [::1],localhost, *.Example.org"}


@pytest.mark.parametrize(
    "url",
    [
        "https://urs.earthdata.nasa.gov",
        "https://uat.urs.earthdata.nasa.gov/oauth/authorize?x=y",
        "https://data.nsidc.earthdatacloud.nasa.gov/s3credentials",
        "HTTPS://DATA.NSIDC.EARTHDATACLOUD.NASA.GOV:443/s3credentials",
    ],
)
def test_nasa_is_trusted_over_https(url: str) -> None:
    assert is_trusted(url, {})


@pytest.mark.parametrize(
    "url",
    [
        "http://urs.earthdata.nasa.gov",
        "https://earthdata.nasa.gov.example.com",
        "https://xearthdata.nasa.gov",
        "https://evil.com/.earthdata.nasa.gov",
        "https://evil.com#.earthdata.nasa.gov",
        "https://evil.com?.earthdata.nasa.gov",
        "https://urs.earthdata.nasa.gov@evil.com",
        "https://evil.com\\@urs.earthdata.nasa.gov",
        "https://evil.com\\.earthdata.nasa.gov",
        "https://evil.com\t.earthdata.nasa.gov",
        "https://evil.com%2f.earthdata.nasa.gov",
        "https://evil.com／.earthdata.nasa.gov",
        "https://user:password@urs.earthdata.nasa.gov",
        "https://urs.earthdata.nasa.gov\r\nHost: evil.com",
        "ftp://urs.earthdata.nasa.gov",
        "//urs.earthdata.nasa.gov",
        "urs.earthdata.nasa.gov",
        "https://",
        "",
        "http://127.0.0.1:8000",
        "http://localhost:8000",
        "https://127.0.0.1:8000",
        "http://urs.earthdata.nasa.gov:80",
        "http://urs.earthdata.nasa.gov:443",
        "https://urs.earthdata.nasa.gov:80",
        "https://urs.earthdata.nasa.gov:8443",
        "https://urs.earthdata.nasa.gov:99999",
    ],
)
def test_nothing_else_is(url: str) -> None:
    assert not is_trusted(url, {})
    with pytest.raises(UntrustedHostError, match="nothing was sent"):
        require_trusted(url, {})


def test_the_environment_adds_hosts() -> None:
    assert is_trusted("https://data.example.org/keys", LOOPBACK)
    assert is_trusted("http://127.0.0.1:8000/keys", LOOPBACK)
    assert is_trusted("http://[::1]:8000/keys", LOOPBACK)
    assert is_trusted("http://localhost/keys", LOOPBACK)
    assert not is_trusted("http://data.example.org/keys", LOOPBACK)
    assert not is_trusted("http://127.0.0.2:8000/keys", LOOPBACK)
    assert not is_trusted("http://localhost.example.org/keys", LOOPBACK)


@pytest.mark.parametrize(
    ("patterns", "trusted", "not_trusted"),
    [
        ("data.org", ["https://data.org/x", "https://data.org:443"], ["https://data.org:8443"]),
        ("data.org:8443", ["https://data.org:8443"], ["https://data.org", "http://data.org:8443"]),
        ("*.org:1,data.org", ["https://data.org", "https://a.org:1"], ["https://a.org"]),
        ("127.0.0.1:8000", ["http://127.0.0.1:8000/x"], ["http://127.0.0.1:8001/x"]),
        ("[::1]:8000", ["http://[::1]:8000"], ["http://[::1]:8001"]),
        ("::1", ["http://[::1]:8000"], ["http://[::2]:8000"]),
        ("data.org:", [], ["https://data.org"]),
        ("data.org:0443", ["https://data.org"], ["https://data.org:80"]),
    ],
)
def test_a_pattern_may_name_the_port(
    patterns: str, trusted: list[str], not_trusted: list[str]
) -> None:
    environ = {"CATALOG_BUILDER_TRUSTED_HOSTS": patterns}
    assert {url for url in [*trusted, *not_trusted] if is_trusted(url, environ)} == {*trusted}


@given(
    st.lists(
        st.sampled_from(
            ["urs.earthdata.nasa.gov", "evil.com", ".earthdata.nasa.gov", *"@:/\\?#%[]", "443"]
        )
        | st.text(max_size=2),
        max_size=6,
    )
)
def test_what_is_trusted_is_where_requests_would_go(parts: list[str]) -> None:
    url = "https://" + "".join(parts)
    if is_trusted(url, {}):
        try:
            sent_to = urlsplit(requests.Request("GET", url).prepare().url or "").hostname or ""
        except requests.exceptions.InvalidURL:
            return
        assert any(fnmatchcase(sent_to, pattern) for pattern in NASA_HOSTS)
