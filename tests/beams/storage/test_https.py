"""A granule over HTTPS: signed links, and where a login goes."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from scripted_server import (
    TRUSTED_HOST,
    UNTRUSTED_HOST,
    Answer,
    Asked,
    Script,
    ScriptedServer,
)
from stored_files import asked, use_password

from catalog_builder.beams.storage.granule_file import open_granule_file
from catalog_builder.beams.storage.https import HttpsSource
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.errors import (
    AccessError,
    CatalogBuilderError,
    EulaError,
    LoginMissingError,
    LoginRejectedError,
    UntrustedHostError,
)
from earthdata_standin import EarthdataStandin
from tests.beams.storage.granule_reads import read_all, read_slowly


@pytest.mark.usefixtures("little_memory")
def test_a_signed_link_is_used_until_it_expires(
    links: GranuleLinks, cloud: EarthdataStandin
) -> None:
    cloud.faults.link_lifetime = 1.5
    assert read_slowly(links, "https", 4) > 20
    assert 3 <= asked(cloud, "data") <= 6
    assert asked(cloud, "download") > 20


def test_a_signed_link_is_found_once_a_version(
    links: GranuleLinks, cloud: EarthdataStandin
) -> None:
    cloud.faults.link_lifetime = 3.0
    first = HttpsSource(links)
    version = first.size, first.etag
    assert asked(cloud, "data") == 1
    cloud.requests.clear()
    again = HttpsSource(links, version)
    assert not cloud.requests
    assert (again.size, again.etag) == version
    assert again.read(100, 200) == first.read(100, 200)
    assert HttpsSource(links, (first.size, None)).size == first.size
    assert asked(cloud, "data") == 0
    HttpsSource(links, (first.size + 1, first.etag))  # of another version: it is looked up
    HttpsSource(links)
    assert asked(cloud, "data") == 2
    time.sleep(3.1)
    late = HttpsSource(links, version)
    assert late.read(100, 200) == first.read(100, 200)  # expired, and found again
    assert asked(cloud, "data") == 4
    for source in (first, again, late):
        source.close()


def test_login_troubles_over_https(
    links: GranuleLinks, cloud: EarthdataStandin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cloud.faults.eula_pending = True
    with pytest.raises(EulaError, match="approve_app"):
        open_granule_file(links, "https")
    cloud.faults.eula_pending = False
    cloud.faults.html_login = True
    with pytest.raises(LoginRejectedError):
        open_granule_file(links, "https")
    cloud.faults.html_login = False
    monkeypatch.setenv("EARTHDATA_TOKEN", "wrong-secret")
    with pytest.raises(LoginRejectedError, match="refused the login of EARTHDATA_TOKEN") as caught:
        open_granule_file(links, "https")
    assert "wrong-secret" not in "".join(traceback.format_exception(caught.value))
    monkeypatch.delenv("EARTHDATA_TOKEN")
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    with pytest.raises(LoginMissingError):
        open_granule_file(links, "https")


def test_a_password_reads_over_https(
    links: GranuleLinks, cloud: EarthdataStandin, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_password(cloud, monkeypatch)
    assert read_all(links, "https") == links.https


def serve_ranges(body: bytes) -> Script:
    """A script of a server that needs no login."""

    def script(asked: Asked) -> Answer:
        first, last = asked.headers["Range"].removeprefix("bytes=").split("-")
        part = body[int(first) : int(last) + 1]
        where = f"bytes {first}-{int(first) + len(part) - 1}/{len(body)}"
        return Answer(status=206, headers={"Content-Range": where}, body=part)

    return script


def test_the_login_goes_to_the_data_centre_alone(
    links: GranuleLinks, cloud: EarthdataStandin
) -> None:
    read_all(links, "https")
    for request in cloud.requests:
        assert request.authorization == ("Bearer" if request.service == "data" else None)


def test_a_public_server_is_read_without_a_login(cloud: EarthdataStandin, granule: Path) -> None:
    with ScriptedServer(serve_ranges(granule.read_bytes()), UNTRUSTED_HOST) as public:
        read_all(GranuleLinks(https=f"{public.url}/granule.h5"), "https")
        assert not any("Authorization" in one.headers for one in public.asked)


@pytest.mark.parametrize("answer", [Answer(status=401), Answer(status=403), Answer(status=302)])
def test_a_host_that_is_not_trusted_gets_no_login(cloud: EarthdataStandin, answer: Answer) -> None:
    if answer.status == 302:
        answer = replace(answer, headers={"Location": f"{cloud.earthdata_url}/oauth/authorize"})
    with ScriptedServer(lambda _: answer, UNTRUSTED_HOST) as stranger:
        with pytest.raises(UntrustedHostError, match=UNTRUSTED_HOST):
            open_granule_file(GranuleLinks(https=f"{stranger.url}/granule.h5"), "https")
        assert not any("Authorization" in one.headers for one in stranger.asked)
    assert not cloud.requests


@pytest.mark.parametrize("host", [UNTRUSTED_HOST, TRUSTED_HOST])
def test_the_login_follows_no_redirect_to_another_host(
    cloud: EarthdataStandin, granule: Path, host: str
) -> None:
    with (
        ScriptedServer(serve_ranges(granule.read_bytes()), host) as elsewhere,
        ScriptedServer(
            lambda _: Answer(status=307, headers={"Location": f"{elsewhere.url}/signed?x=y"})
        ) as centre,
    ):
        read_all(GranuleLinks(https=f"{centre.url}/granule.h5"), "https")
        assert [one.headers["Authorization"] for one in centre.asked] == [f"Bearer {cloud.token}"]
        assert elsewhere.asked
        assert not any("Authorization" in one.headers for one in elsewhere.asked)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (lambda asked: Answer(body=b"all of it"), "cannot be read in parts"),
        (lambda asked: Answer(status=416), "answered HTTP 416"),
        (
            lambda asked: Answer(
                status=206, headers={"Content-Range": f"bytes 0-0/{10**30}"}, body=b"x"
            ),
            "got others",
        ),
        (lambda asked: Answer(status=206, body=b"x"), "got others"),
        (
            lambda asked: Answer(status=206, headers={"Content-Range": "bytes 7-7/9"}, body=b"x"),
            "got others",
        ),
        (
            lambda asked: Answer(status=206, headers={"Content-Range": "bytes 0-0/9"}, body=b""),
            "got 0 of 1",
        ),
        (lambda asked: Answer(status=302, headers={"Location": asked.path}), "one redirect to"),
        (
            lambda asked: Answer(status=302, headers={"Location": "file:///etc/hosts"}),
            "no web address",
        ),
    ],
)
@pytest.mark.usefixtures("cloud")
def test_odd_answers_are_access_errors(script: Script, message: str) -> None:
    with (
        ScriptedServer(script, UNTRUSTED_HOST) as server,
        pytest.raises(AccessError, match=message),
    ):
        open_granule_file(GranuleLinks(https=f"{server.url}/granule.h5"))


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (403, b'{"message": "Forbidden by the gateway"}', "HTTP 403 Forbidden: Forbidden by the"),
        (500, b"<html><h1>Could not sign</h1> at\x1b[2J 12:00</html>", "Could not sign at.x1b.2J"),
        (503, b"Go to http://h/x?sig=my-secret", "HTTP 503 Service Unavailable: Go to http://h/x"),
    ],
)
def test_a_server_is_quoted(cloud: EarthdataStandin, status: int, body: bytes, words: str) -> None:
    with (
        ScriptedServer(lambda _: Answer(status=status, body=body)) as centre,
        pytest.raises(CatalogBuilderError, match=words) as caught,
    ):
        open_granule_file(GranuleLinks(https=f"{centre.url}/granule.h5"))
    assert "my-secret" not in str(caught.value)


def test_a_web_server_that_is_down(gone: str) -> None:
    signed = GranuleLinks(https=f"{gone}/granule.h5?Signature=my-secret")
    with pytest.raises(AccessError, match="no answer") as caught:
        open_granule_file(signed)
    assert "my-secret" not in "".join(traceback.format_exception(caught.value))


@pytest.fixture
def source(links: GranuleLinks) -> Iterator[HttpsSource]:
    source = HttpsSource(links)
    yield source
    source.close()


@pytest.mark.parametrize("start", [0, 1, 9_999_999])
def test_ranges_and_their_pieces_are_those_of_the_file(
    source: HttpsSource, granule: Path, start: int
) -> None:
    with granule.open("rb") as file:
        file.seek(start)
        stored = file.read(100_000)
    assert source.size == granule.stat().st_size
    assert source.read(start, start + 100_000) == stored
    pieces = list(source.pieces(start, start + 100_000, 30_000))
    assert [len(piece) for piece in pieces] == [30_000, 30_000, 30_000, 10_000]
    assert b"".join(pieces) == stored


def test_a_query_that_may_sign_is_no_part_of_the_address(granule: Path) -> None:
    with ScriptedServer(serve_ranges(granule.read_bytes()), UNTRUSTED_HOST) as public:
        source = HttpsSource(GranuleLinks(https=f"{public.url}/granule.h5?Signature=my-secret"))
        assert source.href == f"{public.url}/granule.h5"
        assert public.asked[0].path == "/granule.h5?Signature=my-secret"
        source.close()
        source.close()
