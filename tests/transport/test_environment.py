"""Proxies and certificates that the environment names count for every request there is."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import tomllib
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
import trustme
from published_catalog import publish
from scripted_server import Answer, Asked, Script, ScriptedServer
from web_folder import serve_folder

from catalog_builder import open_beam, open_index, search, verify
from catalog_builder.auth.earthdata import bearer_token
from catalog_builder.auth.login import Login
from catalog_builder.beams.storage.https import HttpsSource
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.beams.storage.s3 import S3Source, StoreSource
from catalog_builder.byte_cache import ByteCache
from catalog_builder.catalog.cmr.client import CmrClient
from catalog_builder.catalog.compare.stac_api import StacApi
from catalog_builder.errors import CatalogBuilderError
from catalog_builder.indexing.index_catalog import index_catalog
from catalog_builder.opening.reference_cache import load_references
from catalog_builder.transport.environment import (
    CERTIFICATES_VARIABLES,
    environment_certificates,
    environment_proxy,
)
from earthdata_standin import EarthdataStandin, World
from tests.transport.forward_proxy import ForwardProxy, TlsFront

GRANULE = "ATL03_20190401120000_03850302_006_01"
ROOT = Path(__file__).parents[2]
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that names neither proxies nor certificates."""
    for name in (*VARIABLES, *map(str.lower, VARIABLES), *CERTIFICATES_VARIABLES, "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@dataclass(frozen=True, kw_only=True)
class Published:
    """A catalog on disk, what its services answer, and this tree's entry points."""

    folder: Path
    references: str
    """Path of a reference set."""
    cloud: EarthdataStandin
    entry_points: Path
    """A folder that tells Python of them, whatever else is installed."""


@pytest.fixture(scope="module")
def published(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    folder, installed = tmp_path_factory.mktemp("catalog"), tmp_path_factory.mktemp("installed")
    info = installed / "icesat2_catalog_builder-0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: icesat2-catalog-builder\n")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines: list[str] = []
    for group, entries in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]
    (info / "entry_points.txt").write_text("\n".join(lines))
    with EarthdataStandin(world=world, rewrite_links=True) as cloud:
        with pytest.MonkeyPatch.context() as environment, ThreadPoolExecutor(1) as executor:
            for name, value in cloud.environment.items():
                environment.setenv(name, value)
            publish(folder)
            index_catalog(folder, executor=executor, limit=1)
        found = next(iter((folder / "ATL03_007" / "references").rglob("*.zst")))
        yield Published(
            folder=folder,
            references=found.relative_to(folder).as_posix(),
            cloud=cloud,
            entry_points=installed,
        )


def login_and_data(published: Published) -> Script:
    """What Earthdata Login and a data centre answer, at one host: here, files of the catalog."""
    files = serve_folder(published.folder)

    def answer(asked: Asked) -> Answer:
        if asked.path == "/api/users/find_or_create_token":
            return Answer(body=b'{"access_token": "made"}')
        if asked.headers.get("Authorization") != "Bearer made":
            return Answer(status=401)
        return files(asked)

    return answer


def store(published: Published) -> Script:
    """What S3 answers, in path style, for the catalog in a bucket."""
    files = serve_folder(published.folder)
    facts = {"ETag": '"1"', "Last-Modified": "Sun, 14 Oct 2018 00:00:00 GMT"}

    def answer(asked: Asked) -> Answer:
        headers = {name.title(): value for name, value in asked.headers.items()}
        path = asked.path.removeprefix("/bucket")
        found = files(replace(asked, path=path, headers=headers))
        return replace(found, headers={**found.headers, **facts})

    return answer


@dataclass(frozen=True, kw_only=True)
class Doors:
    """Each kind of request that leaves this machine, by a call that fails where that fails.

    The first four fields are URLs of hosts.
    """

    catalog: str
    cmr: str
    login: str
    s3: str
    published: Published

    def ask_cmr(self) -> None:
        with CmrClient(f"{self.cmr}/search", retries=0) as client:
            assert client.collections(short_name="ATL03")

    def ask_stac_api(self) -> None:
        with StacApi.open(f"{self.cmr}/stac/NSIDC_CPRD", retries=0) as api:
            assert api.url

    def log_in(self) -> None:
        login = Login(source="test", username="me", password=self.login)
        assert bearer_token(login) == "made"

    def read_data(self) -> None:
        source = HttpsSource(GranuleLinks(https=f"{self.login}/items.parquet"))
        assert source.read(0, 4) == b"PAR1"
        source.close()

    def read_s3(self) -> None:
        """By both libraries."""
        links = GranuleLinks(s3="s3://bucket/items.parquet")
        for kind in (S3Source, StoreSource):
            source = kind(links)
            assert source.read(0, 4) == b"PAR1"
            source.close()

    def open_index(self) -> None:
        assert len(open_index(self.catalog)) > 0

    def verify(self) -> None:
        assert verify(self.catalog, sample=1).items > 0

    def load_references(self) -> None:
        assert load_references(f"{self.catalog}/{self.published.references}", "gt1l")

    def open_intake_catalog(self) -> None:
        """In another process, which imports nothing but intake."""
        code = "import intake, sys; print(len(list(intake.open_catalog(sys.argv[1]).granules)))"
        path = os.pathsep.join(map(str, (self.published.entry_points, ROOT)))
        done = subprocess.run(
            [sys.executable, "-c", code, f"{self.catalog}/catalog.yml"],
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONPATH": path},
        )
        assert done.returncode == 0, done.stderr
        assert int(done.stdout) > 0


DOORS = [name for name, value in vars(Doors).items() if callable(value) and name[0] != "_"]
FAILURES = (CatalogBuilderError, AssertionError)


def use_hosts(monkeypatch: pytest.MonkeyPatch, host: str, trusted: str, s3: str) -> None:
    monkeypatch.setenv("EARTHDATA_HOST", host)
    monkeypatch.setenv("EARTHDATA_TOKEN", "made")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3)
    monkeypatch.setenv("CATALOG_BUILDER_TRUSTED_HOSTS", trusted)


@pytest.fixture
def proxied(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Doors, ForwardProxy]]:
    """Hosts whose names do not resolve; a proxy knows them. Login and data speak TLS."""
    authority = trustme.CA()
    certificate = authority.issue_cert("login.invalid")
    with ExitStack() as stack:
        catalog = stack.enter_context(ScriptedServer(serve_folder(published.folder)))
        login = stack.enter_context(ScriptedServer(login_and_data(published)))
        s3 = stack.enter_context(ScriptedServer(store(published)))
        port = urlsplit(login.url).port
        assert port
        front = stack.enter_context(TlsFront(certificate.configure_cert, port))
        ports = {
            "catalog.invalid:80": urlsplit(catalog.url).port,
            "s3.invalid:80": urlsplit(s3.url).port,
            "cmr.invalid:80": urlsplit(published.cloud.cmr_url).port,
            "login.invalid:443": front.port,
        }
        proxy = stack.enter_context(ForwardProxy({k: v for k, v in ports.items() if v}))
        bundle = stack.enter_context(authority.cert_pem.tempfile())
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", bundle)
        use_hosts(monkeypatch, "https://login.invalid", "login.invalid", "http://s3.invalid")
        doors = Doors(
            catalog="http://catalog.invalid",
            cmr="http://cmr.invalid",
            login="https://login.invalid",
            s3="http://s3.invalid",
            published=published,
        )
        yield doors, proxy


def set_proxy(monkeypatch: pytest.MonkeyPatch, proxy: ForwardProxy) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)


@pytest.mark.parametrize("door", DOORS)
def test_a_proxy_that_alone_knows_the_host(
    proxied: tuple[Doors, ForwardProxy], monkeypatch: pytest.MonkeyPatch, door: str
) -> None:
    doors, proxy = proxied
    set_proxy(monkeypatch, proxy)
    forget(monkeypatch)
    getattr(doors, door)()
    assert proxy.asked


@pytest.mark.parametrize("door", ["ask_cmr", "read_data", "open_index", "open_intake_catalog"])
def test_a_proxy_with_a_login(
    proxied: tuple[Doors, ForwardProxy], monkeypatch: pytest.MonkeyPatch, door: str
) -> None:
    doors, proxy = proxied
    for variable in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, proxy.url.replace("://", "://me:secret@"))
    forget(monkeypatch)
    getattr(doors, door)()
    assert set(proxy.logins) == {"Basic bWU6c2VjcmV0"}


@pytest.mark.parametrize("door", DOORS)
def test_no_proxy_for_hosts_that_are_named(
    proxied: tuple[Doors, ForwardProxy], monkeypatch: pytest.MonkeyPatch, door: str
) -> None:
    doors, proxy = proxied
    set_proxy(monkeypatch, proxy)
    monkeypatch.setenv("NO_PROXY", "elsewhere.invalid,.invalid")
    no_pause(monkeypatch)
    forget(monkeypatch)
    with pytest.raises(FAILURES):  # their names do not resolve
        getattr(doors, door)()
    assert proxy.asked == []


@pytest.fixture(scope="module")
def secured(published: Published) -> Iterator[tuple[Doors, str]]:
    """All hosts on this machine behind TLS, and the file of their certificate authority."""
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    with ExitStack() as stack:
        catalog = stack.enter_context(ScriptedServer(serve_folder(published.folder)))
        login = stack.enter_context(ScriptedServer(login_and_data(published)))
        s3 = stack.enter_context(ScriptedServer(store(published)))
        urls = []
        for url in (catalog.url, published.cloud.cmr_url, login.url, s3.url):
            port = urlsplit(url).port
            assert port
            front = stack.enter_context(TlsFront(certificate.configure_cert, port))
            urls.append(f"https://localhost:{front.port}")
        bundle = stack.enter_context(authority.cert_pem.tempfile())
        first, second, third, fourth = urls
        doors = Doors(catalog=first, cmr=second, login=third, s3=fourth, published=published)
        yield doors, bundle


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
@pytest.mark.parametrize("door", DOORS)
def test_a_private_authority(
    secured: tuple[Doors, str], monkeypatch: pytest.MonkeyPatch, door: str, variable: str
) -> None:
    doors, bundle = secured
    use_hosts(monkeypatch, doors.login, "localhost", doors.s3)
    forget(monkeypatch)
    monkeypatch.setenv(variable, bundle)
    getattr(doors, door)()


@pytest.mark.parametrize("door", [door for door in DOORS if door != "read_s3"])
def test_an_authority_that_is_not_named_is_not_trusted(
    secured: tuple[Doors, str], monkeypatch: pytest.MonkeyPatch, door: str
) -> None:
    doors, _ = secured
    use_hosts(monkeypatch, doors.login, "localhost", doors.s3)
    forget(monkeypatch)
    no_pause(monkeypatch)
    with pytest.raises(FAILURES):
        getattr(doors, door)()


def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeat at once."""
    monkeypatch.setattr(time, "sleep", lambda _: None)


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process be one that has asked nobody yet."""
    monkeypatch.setattr("catalog_builder.opening.reference_cache._loaded", ByteCache(2**20))
    for name in ("auth.earthdata._accounts", "auth.earthdata._acceptances"):
        monkeypatch.setattr(f"catalog_builder.{name}", {})
    for name in ("_stores", "_filesystems"):
        monkeypatch.setattr(f"catalog_builder.beams.storage.s3.{name}", {})


def test_which_variable_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert environment_certificates() is None
    for variable in reversed(CERTIFICATES_VARIABLES):
        file = tmp_path / variable
        monkeypatch.setenv(variable, str(file))
        with pytest.raises(requests.exceptions.SSLError, match=f"which {variable} names"):
            environment_certificates()
        file.touch()
        assert environment_certificates() == str(file)


@pytest.mark.parametrize(
    "proxy",
    [
        *("http://me:hunter2@proxy.invalid:99999", "http://me:hunter2@", "http://", "://"),
        *("http://me:hunter2@[::1", "http://me:hunter2@a b:9"),
    ],
)
def test_a_proxy_that_is_no_address_is_not_quoted(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Libraries quote it, with the password in it; or end in an error of their own."""
    monkeypatch.setenv("CMR_URL", "http://cmr.invalid/search")
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, proxy)
    doors: list[Callable[[], object]] = [
        lambda: search(bbox=(0, 0, 1, 1)),
        lambda: len(open_index("https://catalog.invalid/c")),
        lambda: verify("https://catalog.invalid/c"),
        lambda: load_references("https://catalog.invalid/x", "gt1l"),
        lambda: open_beam(f"https://data.invalid/{GRANULE}.h5", "gt1l"),
    ]
    for door in doors:
        with pytest.raises(CatalogBuilderError) as caught:
            door()
        told = "".join(traceback.format_exception(caught.value))
        assert "hunter2" not in told
        # Of a granule's host no words are told: they may quote its signed URL.
        assert "no address such as http://host:port" in told or "(InvalidProxyURL)" in told


def test_what_stays_on_this_machine_goes_through_no_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid:3128")
    assert environment_proxy("http://host.invalid/x") == "http://proxy.invalid:3128"
    assert environment_proxy("https://host.invalid/x") is None
    for host in ("localhost", "127.0.0.1:80", "127.8.9.1", "[::1]:80"):
        assert environment_proxy(f"http://{host}/x") is None
