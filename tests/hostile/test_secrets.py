"""Generated addresses, redirects and catalogs of strangers get no secret, nor does what is kept.

A machine with a token, a password for every host in netrc, and keys of AWS goes through public
doors; two recording servers that are not trusted answer each request in one of many ways.
"""

from __future__ import annotations

import base64
import io
import logging
import random
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import intake
import orjson
import pytest
from click.testing import CliRunner
from sample_items import make_item
from scripted_server import UNTRUSTED_HOST, Answer, Asked, ScriptedServer

import catalog_builder
from catalog_builder.catalog.compare.stac_api import StacApi
from catalog_builder.catalog.index.lookup import find_item
from catalog_builder.catalog.stac.validation import StacSchemas
from catalog_builder.catalog.verify.checks import verify
from catalog_builder.cli import main
from catalog_builder.errors import CatalogBuilderError
from catalog_builder.intake_drivers.beam_source import BeamSource
from catalog_builder.intake_drivers.granule_catalog import GranuleCatalog
from catalog_builder.opening.one_granule import (
    describe,
    open_beam,
    open_granule,
    open_lazy,
    open_references,
)
from catalog_builder.saving import save_granules

SECRETS = {
    "EARTHDATA_TOKEN": "token-hunter2-of-this-user",
    "EARTHDATA_PASSWORD": "password-hunter2-of-this-user",
    "AWS_SECRET_ACCESS_KEY": "aws-hunter2-of-this-user",
    "AWS_SESSION_TOKEN": "session-hunter2-of-this-user",
    "AWS_ACCESS_KEY_ID": "AKIAHUNTER2",
}
NETRC = "netrc-hunter2-of-this-user"
GRANULE = make_item(0)["id"]
KINDS = ("references", "references_gt1l", "thumbnail", "https")


def secret_in(text: str | bytes) -> bool:
    data = text if isinstance(text, bytes) else text.encode(errors="replace")
    return b"hunter2" in data.lower()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with logins of all kinds; what would leave for the world ends at a closed port."""
    (tmp_path / "netrc").write_text(
        f"machine urs.earthdata.nasa.gov login me password {NETRC}\n"
        f"machine {UNTRUSTED_HOST} login me password {NETRC}\ndefault login me password {NETRC}\n"
    )
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,127.0.0.2")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("CATALOG_BUILDER_TRUSTED_HOSTS", raising=False)
    monkeypatch.delenv("EARTHDATA_HOST", raising=False)
    monkeypatch.setenv("CATALOG_BUILDER_TIMEOUT", "2")
    monkeypatch.setattr("time.sleep", lambda _: None)
    return tmp_path


def addresses(server: str, other: str) -> list[str]:
    """Ways to lead to a stranger, or to seem to be somebody else."""
    place, there = server.removeprefix("http://"), other.removeprefix("http://")
    return [
        f"{server}/x.h5",
        f"HTTP://{place}/ATLAS/{GRANULE}.h5",
        f"http://urs.earthdata.nasa.gov@{place}/x.h5",
        f"http://urs.earthdata.nasa.gov:443@{place}/x.h5",
        f"http://urs.earthdata.nasa.gov%2f@{place}/x.h5",
        f"http://{place}/https://data.nsidc.earthdatacloud.nasa.gov/x.h5",
        f"http://{place}#@urs.earthdata.nasa.gov/x.h5",
        f"http://{place}?@urs.earthdata.nasa.gov/x.h5",
        f"http://{place}\\@urs.earthdata.nasa.gov/x.h5",
        f"https://{place}/x.h5",
        f"//{place}/x.h5",
        f"http://{there}/../x.h5",
        f"{server}/?next={other}/x",
        f"{server}/a b\t.h5",
        f"{server}/é.h5?sig=1",
        f"http://me:pw@{place}/x.h5",
        "http://urs.earthdata.nasa.gov:80/x.h5",
        f"webhdfs://{place}/x",
        f"simplecache::{server}/x",
    ]


def item_of(draw: random.Random, server: str, other: str) -> dict[str, Any]:
    """An item whose addresses, schemes and links lead anywhere."""
    item = make_item(0)
    lead = addresses(server, other)
    assets: dict[str, Any] = {"data": {"href": draw.choice(["s3://bucket/x.h5", *lead])}}
    for kind in KINDS:
        if draw.random() < 0.6:
            assets[kind] = {"href": draw.choice(lead), "file:size": 9}
    schemes = {
        "s3": {"platform": draw.choice(lead), "credentials_endpoint": draw.choice(lead)},
        "login": {"type": "oauth2", "credentials_endpoint": f"{server}/s3credentials"},
    }
    item["properties"]["auth:schemes"] = schemes
    item["properties"]["storage:schemes"] = schemes
    place = {"offset": 0, "length": 9, "crc32": 1}
    item["properties"]["icesat2:beams"] = {"gt1l": {"photons": 9, "references": place}}
    assets["data"]["auth:refs"] = [draw.choice(list(schemes))]
    item["links"] = [{"rel": "self", "href": draw.choice(lead)}]
    return {**item, "assets": assets}


def answers(draw: random.Random, server: str, other: str) -> Answer:
    """What a stranger answers."""
    lead = draw.choice([*addresses(server, other), "file:///etc/passwd", "s3://bucket/x"])
    lead = lead.encode("ascii", "ignore").decode().replace("\t", "")
    kind = draw.randrange(8)
    if kind < 3:
        status = draw.choice([301, 302, 303, 307, 308])
        return Answer(status=status, headers={"Location": lead, "Set-Cookie": "a=b"})
    if kind == 3:
        return Answer(status=401, headers={"WWW-Authenticate": 'Basic realm="Earthdata"'})
    if kind == 4:
        return Answer(status=403, body=b'{"resolution_url": "%s"}' % lead.encode())
    if kind == 5:
        return Answer(body=orjson.dumps(item_of(draw, server, other)))
    if kind == 6:
        link = {"rel": draw.choice(["child", "item", "next", "search", "root"]), "href": lead}
        page = {"type": "Catalog", "id": "x", "description": "x", "stac_version": "1.1.0"}
        return Answer(body=orjson.dumps({**page, "links": [link], "features": []}))
    keys = {"accessKeyId": "a", "secretAccessKey": "b", "sessionToken": "c"}
    return Answer(body=orjson.dumps({**keys, "expiration": "2099-01-01 00:00:00+00:00"}))


def run(verb: str) -> Callable[[Any, str, Path], object]:
    """A verb of the command line, which gets an address."""

    def call(item: Any, address: str, folder: Path) -> object:
        more = {
            "find": ["--bbox", "0,0,1,1"],
            "info": [GRANULE],
            "photons": ["--bbox", "0,0,1,1", "--out", str(folder / "x.parquet")],
            "download": [GRANULE, "--to", str(folder / "saved")],
            "plot": [GRANULE, "--out", str(folder / "x.png")],
        }.get(verb, [])
        result = CliRunner().invoke(main, [verb, address, *more])
        assert not secret_in(result.output)
        return None

    return call


def list_items(address: str) -> object:
    with StacApi.open(address, retries=0) as api:
        return list(api.items("ATL03_007"))


VERBS = ("find", "info", "verify", "photons", "plot", "index", "download")

DOORS: dict[str, Callable[[Any, str, Path], object]] = {
    "open_beam": lambda item, _, __: open_beam(item, "gt1l"),
    "open_beam, address": lambda _, x, __: open_beam(x, "gt1l"),
    "open_beam, references": lambda item, x, _: open_beam(item, "gt1l", references=x),
    "open_lazy": lambda item, _, __: open_lazy(item, "gt1l"),
    "open_granule": lambda item, _, __: open_granule(item),
    "open_references": lambda item, _, __: open_references(item),
    "open_beams": lambda item, _, __: catalog_builder.open_beams([item], "gt1l"),
    "open_photons": lambda item, _, __: catalog_builder.open_photons([item], [0, 0, 1, 1]),
    "describe": lambda item, _, __: describe(item),
    "download": lambda item, _, folder: save_granules([item], folder / "saved"),
    "open_index": lambda _, x, __: len(catalog_builder.open_index(x)),
    "find_item": lambda _, x, __: find_item(x, GRANULE),
    "verify": lambda _, x, __: verify(x),
    "StacApi": lambda _, x, __: list_items(x),
    "schemas": lambda item, x, _: list(
        StacSchemas(fetch=True).problems({**item, "stac_extensions": [x]})
    ),
    "beam driver": lambda _, x, __: BeamSource(catalog=x, granule=GRANULE).read(),
    "granules driver": lambda _, x, __: len(GranuleCatalog(catalog=x)),
    # Of other protocols intake asks fsspec alone, before this package is asked.
    "intake": lambda _, x, __: (
        list(intake.open_catalog(f"{x}/catalog.yml")) if x.lower().startswith("http") else None
    ),
    **{f"cli {verb}": run(verb) for verb in VERBS},
}


@pytest.mark.parametrize(
    "cases",
    [120, pytest.param(2_000, marks=[pytest.mark.heavy, pytest.mark.timeout(900)])],
)
def test_no_secret_leaves_or_is_kept(cases: int, machine: Path) -> None:
    logged = io.StringIO()
    handler = logging.StreamHandler(logged)
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    asked: list[Asked] = []
    others: list[str] = []
    told: list[str] = []
    draw = random.Random(20261129)
    urls = ["", ""]

    def reply(request: Asked) -> Answer:
        asked.append(request)
        return answers(draw, *urls)

    try:
        with (
            ScriptedServer(reply, UNTRUSTED_HOST) as one,
            ScriptedServer(reply, UNTRUSTED_HOST) as two,
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            urls = [one.url, two.url]
            for number in range(cases):
                door = list(DOORS)[number % len(DOORS)]
                item = item_of(draw, *urls)
                address = draw.choice(addresses(*urls))
                try:
                    found = DOORS[door](item, address, machine)
                    assert not secret_in(repr(found)), door
                    assert not secret_in(cloudpickle.dumps(found)), door
                except Exception as error:
                    told.append("".join(traceback.format_exception(error)))
                    own = (CatalogBuilderError,) if door != "intake" else (Exception,)
                    if not isinstance(error, own):
                        others.append(f"{number} {door} {address}: {error!r}")
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    assert len(asked) > cases / 2
    for request in asked:
        assert not secret_in(repr(request)), request
        kind, _, login = request.headers.get("Authorization", "Basic ").partition(" ")
        # A login that stands in the address itself is the stranger's own.
        assert kind == "Basic", request
        assert not secret_in(base64.b64decode(login)), request
    assert not any(map(secret_in, told))
    assert not secret_in(logged.getvalue())
    saved = [path for path in machine.rglob("*") if path.is_file() and path.name != "netrc"]
    assert not any(secret_in(path.read_bytes()) for path in saved)
    assert not others, "\n".join(others[:10])
