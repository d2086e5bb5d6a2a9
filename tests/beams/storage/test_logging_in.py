"""The login that a granule takes, tried before it is read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from scripted_server import UNTRUSTED_HOST, Answer, ScriptedServer
from stored_files import asked

from catalog_builder.beams.storage.links import Access, GranuleLinks
from catalog_builder.beams.storage.logging_in import log_in, login_host
from catalog_builder.errors import LoginMissingError, LoginRejectedError, UntrustedHostError
from catalog_builder.transport.hosts import origin
from earthdata_standin import EarthdataStandin
from tests.beams.storage.granule_reads import keys_fetched


@pytest.mark.parametrize(
    ("access", "host"), [("auto", "keys"), ("s3", "keys"), ("https", "data"), ("local", None)]
)
def test_the_host_that_a_login_goes_to(
    links: GranuleLinks, cloud: EarthdataStandin, access: Access, host: str | None
) -> None:
    hosts = {"keys": origin(cloud.credentials_endpoint), "data": origin(cloud.data_url)}
    assert login_host(links, access) == (hosts[host] if host else None)
    assert not cloud.requests


def test_no_login_goes_where_none_is_needed_or_trusted(
    links: GranuleLinks, cloud: EarthdataStandin, granule: Path
) -> None:
    own_keys = replace(links, https=None, credentials_endpoint=None)  # AWS's own credentials
    with ScriptedServer(lambda _: Answer(status=401), UNTRUSTED_HOST) as public:
        for known in (
            replace(links, local=str(granule)),
            own_keys,
            GranuleLinks(https=f"{public.url}/granule.h5"),
            GranuleLinks(),
        ):
            assert login_host(known) is None
            log_in(known)
        assert not public.asked
    assert not cloud.requests


def test_keys_are_fetched_and_nothing_is_read_of_s3(
    links: GranuleLinks, cloud: EarthdataStandin
) -> None:
    log_in(links, "s3")
    assert keys_fetched(cloud) == 1
    assert asked(cloud, "s3") == 0


def test_over_https_one_byte_shows_that_the_token_is_accepted(
    links: GranuleLinks, cloud: EarthdataStandin
) -> None:
    log_in(links, "https")
    assert [one.range for one in cloud.requests if one.service == "download"] == ["bytes=0-0"]


@pytest.mark.parametrize("access", ["s3", "https"])
def test_a_refused_login_is_raised(
    links: GranuleLinks, cloud: EarthdataStandin, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EARTHDATA_TOKEN", "wrong")
    with pytest.raises(LoginRejectedError):
        log_in(links, access)


def test_no_login_is_raised_before_anything_is_sent(
    links: GranuleLinks,
    cloud: EarthdataStandin,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.delenv("EARTHDATA_TOKEN")
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    for access in ("s3", "https"):
        with pytest.raises(LoginMissingError):
            log_in(links, access)
    assert not cloud.requests


@pytest.mark.parametrize("access", ["s3", "https"])
def test_other_troubles_of_the_host_are_left_to_the_reads(
    links: GranuleLinks, cloud: EarthdataStandin, access: Access
) -> None:
    missing = replace(links, s3=f"{links.s3}.gone", https=f"{links.https}.gone")
    log_in(missing, access)


def test_an_endpoint_that_is_not_trusted_gets_no_login(
    links: GranuleLinks, cloud: EarthdataStandin
) -> None:
    with ScriptedServer(lambda _: Answer(), UNTRUSTED_HOST) as stranger:
        with pytest.raises(UntrustedHostError, match=UNTRUSTED_HOST):
            log_in(replace(links, credentials_endpoint=f"{stranger.url}/s3credentials"), "s3")
        assert not stranger.asked
