"""Records of CMR, answers of services, definitions of catalogs."""

from __future__ import annotations

import itertools
import json
import math
import os
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import orjson
from building import WORLD, records_of
from hypothesis import strategies as st
from sample_items import COLLECTION
from scripted_server import TRUSTED_HOST, Answer, Asked, ScriptedServer

from catalog_builder.auth.earthdata import bearer_token
from catalog_builder.auth.login import Login
from catalog_builder.auth.s3_credentials import CredentialProvider
from catalog_builder.catalog.build.page_worker import BuildConfiguration, process_page
from catalog_builder.catalog.cmr.client import CmrClient
from catalog_builder.catalog.cmr.query import GranuleQuery
from catalog_builder.catalog.cmr.response import read_records
from catalog_builder.catalog.compare.stac_api import StacApi
from catalog_builder.catalog.definition import Definition
from catalog_builder.catalog.index.schema import item_schema
from catalog_builder.catalog.index.staging import read_checked_rows, staging_path
from catalog_builder.catalog.index.to_arrow import to_items
from catalog_builder.catalog.stac.granule import parse_umm
from catalog_builder.catalog.stac.layout import is_item, path_of
from catalog_builder.geo.area import Area
from catalog_builder.transport.retries import TRANSIENT_STATUSES
from tests.hostile.fuzz.kind import Refused, answered, require
from tests.hostile.fuzz.mutations import damaged, dump, harmed, harmed_or_damaged

_GRANULE: Final = "G2700000031-NSIDC_CPRD"
"""A record without a link to its data."""


def good_records() -> list[dict[str, Any]]:
    return [one for one in records_of() if one["meta"]["concept-id"] != _GRANULE]


class Records:
    """One harmed record between two good ones: these become the same items as ever."""

    def __init__(self, folder: Path) -> None:
        base, *good = good_records()[:3]
        self._good = [dump(one) for one in good]
        self._configuration = BuildConfiguration(
            collection=COLLECTION,
            title="A catalog",
            bounding_box=None,
            root=folder / "public",
            state=folder / "state",
            columns=item_schema(beams=False),
            update=False,
            items=True,
            dry_run=True,
        )
        self._configuration.state.mkdir()
        self._configuration.root.mkdir()
        self._numbers = itertools.count()
        self._right, _ = self._items(b",".join(self._good))
        require(len(self._right) == len(good), "the good records are not good")
        self.cases = harmed_or_damaged(base, 2)

    def run(self, case: bytes) -> bool:
        body = self._good[0] + b"," + case + b"," + self._good[1]
        listed = [
            answered(lambda record=record: parse_umm(record))  # type: ignore[misc]
            for record in self._read(body)
        ]
        found = answered(lambda: self._items(body))
        if isinstance(found, Refused):
            return True
        items, reasons = found
        for granule, item in self._right.items():
            require(items.pop(granule, None) == item, f"{granule} is another")
        require(all(reasons), "a reason without words")
        for granule, item in items.items():
            require(is_item(path_of(item["collection"], granule)), f"{granule} is no id")
            west, south, east, north = item["bbox"]
            require(-90 <= south <= north <= 90 and abs(west) <= 180 >= abs(east), "no box")
        return bool(reasons) or any(isinstance(one, Refused) for one in listed)

    def _read(self, body: bytes) -> list[Any]:
        try:
            return read_records(b'{"hits":3,"took":1,"items":[' + body + b"]}")
        except (KeyError, TypeError, ValueError):  # the client asks for such a page again
            return []

    def _items(self, body: bytes) -> tuple[dict[str, Any], list[str]]:
        number = next(self._numbers)
        page = b'{"hits":3,"took":1,"items":[' + body + b"]}"
        made = process_page(self._configuration, number, page)
        state, columns = self._configuration.state, self._configuration.columns
        rows = read_checked_rows(state, sorted(made.locations), columns)
        staging_path(state, number).unlink(missing_ok=True)
        items = {item["id"]: item for item in to_items(rows)}
        return items, [one.reason for one in made.set_aside]

    def close(self) -> None:
        pass


_STATUSES: Final = (200, 200, 200, 200, 204, 206, 302, 307, 400, 401, 403, 404, 413, 429, 500, 503)

_HEADERS: Final[dict[str, tuple[str, ...]]] = {
    "CMR-Hits": (
        "-1",
        "x",
        "10000000000",
        "1e3",
        "",
        "9" * 5000,
        "0",
        "٣".encode().decode("latin1"),
    ),
    "CMR-Search-After": ('["x"]', "x" * 9000, "", "\xff"),
    "CMR-Timed-Out": ("true", "x"),
    "CMR-Request-Id": ("\x1b[2J", "x" * 5000),
    "Content-Encoding": ("gzip", "deflate", "br", "zstd", "x", "identity", "gzip, gzip"),
    "Content-Type": ("text/html", "x", "application/json; charset=utf-7", "text/html; charset=x"),
    "Content-Range": ("bytes 0-1/2", "bytes x"),
    "Retry-After": ("-1", "nan", "1e9", "99999999999", "Wed, 99 Oct 2018 00:00:00 GMT", "0.1"),
    "Date": ("x", "Mon, 01 Jan 0000 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 -9999"),
    "Location": ("http://127.0.0.1:9/", "file:///etc/passwd", "//[", "/", "x:y", "http://[::1"),
    "Set-Cookie": ("a=b; Domain=com", "\x00"),
    "WWW-Authenticate": ("Basic realm=x", "Digest"),
    "Transfer-Encoding": ("chunked",),
    "Link": ("<http://127.0.0.1:9/>; rel=next",),
}


@dataclass(frozen=True)
class _Page:
    """An answer to one request in the place of the right one."""

    service: str
    body: bytes
    status: int
    headers: dict[str, str]
    off: int
    """Bytes by which the length that is told is wrong."""


class Pages:
    """Answers of CMR, of a STAC API and of Earthdata Login, over HTTP."""

    def __init__(self, folder: Path) -> None:
        self._page = _Page("", b"", 200, {}, 0)
        self._asked = 0
        self._server = ScriptedServer(self._answer)
        self._server.__enter__()
        os.environ["EARTHDATA_HOST"] = self._server.url
        os.environ["CATALOG_BUILDER_TRUSTED_HOSTS"] = TRUSTED_HOST
        self._numbers = itertools.count()
        url = self._server.url
        collection = next(
            one for one in WORLD.collections if one["meta"]["concept-id"] == COLLECTION.concept_id
        )
        features = {
            "type": "FeatureCollection",
            "numberMatched": 2,
            "features": [{"id": "a", "assets": {}}, {"id": "b", "assets": {}}],
            "links": [{"rel": "next", "href": f"{url}/find?page=1"}],
        }
        landing = {
            "type": "Catalog",
            "id": "x",
            "description": "x",
            "stac_version": "1.1.0",
            "conformsTo": ["https://api.stacspec.org/v1.0.0/item-search"],
            "links": [
                {"rel": "search", "href": f"{url}/find", "type": "application/geo+json"},
                {"rel": "data", "href": f"{url}/collections", "type": "application/json"},
            ],
        }
        keys = {
            "accessKeyId": "x",
            "secretAccessKey": "x",
            "sessionToken": "x",
            "expiration": "2099-01-01 00:00:00+00:00",
        }
        reference = "<reference><id>G1-X</id><revision-id>2</revision-id></reference>"
        listing = f"<results><hits>1</hits><references>{reference}</references></results>"
        self._landing = orjson.dumps(landing)
        self._right: dict[str, bytes] = {
            "granules": dump({"hits": 3, "took": 1, "items": good_records()[:3]}),
            "collections": dump({"hits": 1, "took": 1, "items": [collection]}),
            "hits": dump({"hits": 7, "took": 1, "items": []}),
            "landing": self._landing,
            "list": dump({"collections": [{"id": "ATL03_007"}], "links": []}),
            "search": dump(features),
            "token": dump({"access_token": "x", "token_type": "Bearer"}),
            "keys": dump(keys),
            "errors": dump({"errors": ["no"], "error": "x", "error_description": "y"}),
            "listing": listing.encode(),
        }
        for service in ("granules", "collections", "hits", "landing", "list", "search", "keys"):
            require(not isinstance(self._ask(service), Refused), f"{service} does not answer")
        self.cases = st.sampled_from(sorted(self._right)).flatmap(self._cases)

    def _cases(self, service: str) -> st.SearchStrategy[_Page]:
        right = self._right[service]
        body = (
            damaged(right, [(0, len(right))])
            if service == "listing"
            else harmed_or_damaged(orjson.loads(right))
        )
        header = st.sampled_from(sorted(_HEADERS)).flatmap(
            lambda name: st.tuples(st.just(name), st.sampled_from(_HEADERS[name]))
        )
        waits = service in ("token", "keys")  # urllib3 repeats these, and does sleep
        statuses = [one for one in _STATUSES if not (waits and one in TRANSIENT_STATUSES)]
        if waits:
            header = header.filter(lambda one: one[0] != "Retry-After")
        return st.builds(
            _Page,
            service=st.just(service),
            body=st.one_of(body, body, st.just(right)),
            status=st.sampled_from(statuses),
            headers=st.lists(header, max_size=2).map(dict),
            off=st.sampled_from((0, 0, 0, 0, 0, 1, -1, 10**9)),
        )

    def run(self, case: _Page) -> bool:
        self._page, self._asked = case, 0
        return isinstance(self._ask(case.service), Refused)

    def _answer(self, asked: Asked) -> Answer:
        page = self._page
        if not page.body and not page.service:
            return self._usual(asked)
        self._asked += 1
        if page.service in ("list", "search") and asked.path in ("", "/"):
            return Answer(body=self._landing)
        if self._asked > 4:
            return self._usual(asked)  # so that it ends
        length = max(0, len(page.body) + page.off)
        headers = {"CMR-Hits": "3"} if page.service == "listing" else {}
        return Answer(
            status=page.status, headers=headers | page.headers, body=page.body, length=length
        )

    def _usual(self, asked: Asked) -> Answer:
        name = {"/": "landing", "": "landing", "/collections": "list", "/find": "search"}.get(
            asked.path.partition("?")[0], "keys"
        )
        if asked.path.startswith("/collections/"):
            return Answer(status=404)
        if "granules" in asked.path:
            name = "hits" if "page_size=0" in asked.path else "granules"
        elif "collections.umm" in asked.path:
            name = "collections"
        elif name == "search":
            return Answer(body=b'{"type": "FeatureCollection", "features": [], "links": []}')
        return Answer(body=self._right[name])

    def _ask(self, service: str) -> Any:
        url = self._server.url
        query = GranuleQuery(collection_concept_id=COLLECTION.concept_id)
        if service in ("landing", "list", "search"):

            def walk() -> Any:
                options: Any = {"retries": 0, "sleep": lambda _: None, "timeout": (5.0, 5.0)}
                with StacApi.open(url, **options) as api:
                    if service == "landing":
                        return api.url
                    if service == "list":
                        return api.collection("ATL03", "007")
                    return list(islice(api.items("ATL03_007"), 100))

            return answered(walk)
        if service == "token":
            login = Login(source="x", username=f"me{next(self._numbers)}", password="x")
            return answered(lambda: bearer_token(login))
        if service == "keys":
            login = Login(source="x", token=f"x{next(self._numbers)}")
            return answered(CredentialProvider(f"{url}/keys", login))
        with CmrClient(url, retries=1, sleep=lambda _: None, timeout=(5.0, 5.0)) as client:
            if service == "collections":
                return answered(lambda: client.collections(short_name="ATL03"))
            if service == "hits":
                return answered(lambda: client.hits(query))
            if service == "listing":
                return answered(lambda: list(islice(client.references(query), 100)))
            return answered(lambda: list(islice(client.granules(query), 100)))

    def close(self) -> None:
        self._server.__exit__(None, None, None)


_DEFINITION: Final[dict[str, Any]] = {
    "title": "ATL03 over the Juneau Icefield",
    "short_name": "ATL03",
    "version": "007",
    "provider": "NSIDC_CPRD",
    "description": "x",
    "on_premises_provider": "NSIDC_ECS",
    "bounding_box": [-135.1977, 58.3325, -133.3410, 58.9839],
    "temporal": ["2018-10-13T00:00:00Z", ".."],
}
_DATES: Final = ("2018-10-13", "2018-10-13T00:00:00Z", "0001-01-01", "9999-12-31T23:59:60+23:59")


def _toml(value: Any, above: bool = False) -> str:
    """TOML of a document; what it has no word for is written as if it had."""
    if isinstance(value, dict):
        pairs = [f"{json.dumps(str(k))} = {_toml(v, above=True)}" for k, v in value.items()]
        return f"{{{', '.join(pairs)}}}" if above else "\n".join(pairs)
    if isinstance(value, list):
        return f"[{', '.join(_toml(one, above=True) for one in value)}]"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, str) and value in _DATES:
        return value
    return json.dumps(value)


class Definitions:
    """TOML files that say what a catalog holds."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "definition.toml"
        whole = _toml(_DEFINITION).encode()
        dated = st.sampled_from(_DATES).map(lambda one: {**_DEFINITION, "temporal": [one, ".."]})
        document = st.one_of(st.just(_DEFINITION), dated).flatmap(harmed)
        structure = document.map(lambda one: (one, _toml(one).encode(errors="surrogatepass")))
        self.cases = st.one_of(
            structure,
            structure,
            damaged(whole, [(0, len(whole))]).map(lambda one: (None, one)),
        )

    def run(self, case: tuple[Any, bytes]) -> bool:
        document, body = case
        self._path.write_bytes(body)
        found = answered(lambda: Definition.load(self._path))
        if isinstance(found, Refused):
            return True
        query = GranuleQuery.of(found, COLLECTION.concept_id)
        url = query.url("https://cmr.earthdata.nasa.gov/search/")
        require(url.isascii() and url.isprintable(), f"{url!r} is no URL")
        if found.bounding_box is not None:
            west, south, east, north = found.bounding_box
            require(abs(west) <= 180 >= abs(east) and -90 <= south <= north <= 90, "no box")
            answered(lambda: Area.of_box((west, south, east, north)))
        first, last = found.temporal
        require(first is None or last is None or first <= last, "no interval")
        for key in ("title", "version", "provider"):
            if isinstance(document, dict) and isinstance(document.get(key), str):
                require(getattr(found, key) == document[key], f"{key} is another")
        return False

    def close(self) -> None:
        pass
