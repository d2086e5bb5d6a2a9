"""fsspec's http with the proxies and certificates of the environment."""

from __future__ import annotations

import ssl
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme
from aiohttp.client_exceptions import ClientError
from scripted_server import ScriptedServer
from web_folder import serve_folder

from catalog_builder.transport.environment import CERTIFICATES_VARIABLES
from catalog_builder.transport.fsspec_http import EnvironmentHttp
from tests.transport.forward_proxy import ForwardProxy, TlsFront

TEXT = b"sources: {}"


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
    for name in (*names, *map(str.lower, names), *CERTIFICATES_VARIABLES):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "catalog.yml").write_bytes(TEXT)
    return tmp_path


def read(url: str, **options: object) -> bytes:
    return bytes(EnvironmentHttp(skip_instance_cache=True, **options).cat_file(url))


def test_a_host_of_this_machine_is_reached_directly(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid:3128")
    with ScriptedServer(serve_folder(folder)) as server:
        assert read(f"{server.url}/catalog.yml") == TEXT


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_gets_its_login_and_the_host_does_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("catalog.invalid")
    with ScriptedServer(serve_folder(folder)) as server, authority.cert_pem.tempfile() as bundle:
        port = urlsplit(server.url).port
        assert port
        with (
            TlsFront(certificate.configure_cert, port) as front,
            ForwardProxy({"catalog.invalid:80": port, "catalog.invalid:443": front.port}) as proxy,
        ):
            monkeypatch.setenv("SSL_CERT_FILE", bundle)
            for variable in ("HTTP_PROXY", "HTTPS_PROXY"):
                monkeypatch.setenv(variable, proxy.url.replace("://", "://me:secret@"))
            assert read(f"{scheme}://catalog.invalid/catalog.yml") == TEXT
    method = "GET catalog.invalid:80" if scheme == "http" else "CONNECT catalog.invalid:443"
    assert set(proxy.asked) == {method}
    assert set(proxy.logins) == {"Basic bWU6c2VjcmV0"}
    assert not any("Proxy-Authorization" in asked.headers for asked in server.asked)


def test_an_authority_that_the_environment_does_not_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    with ScriptedServer(serve_folder(folder)) as server:
        port = urlsplit(server.url).port
        assert port
        with (
            TlsFront(certificate.configure_cert, port) as front,
            authority.cert_pem.tempfile() as bundle,
        ):
            url = f"https://localhost:{front.port}/catalog.yml"
            with pytest.raises((ClientError, ssl.SSLError)):
                read(url)
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", bundle)
            assert read(url) == TEXT


def test_what_a_user_says_of_proxies_counts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(serve_folder(folder)) as server:
        port = urlsplit(server.url).port
        assert port
        with ForwardProxy({"catalog.invalid:80": port}) as proxy:
            monkeypatch.setenv("HTTP_PROXY", "http://other.invalid:3128")
            options = {"client_kwargs": {"proxy": proxy.url}}
            assert read("http://catalog.invalid/catalog.yml", **options) == TEXT
        assert proxy.asked == ["GET catalog.invalid:80"]
