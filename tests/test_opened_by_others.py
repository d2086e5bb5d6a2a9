"""docs/opened-by-others.md: each row of its tables is run as it stands there."""

from __future__ import annotations

import ast
import asyncio
import importlib
import inspect
import json
import os
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import fsspec
import h5py
import numpy as np
import pyarrow.parquet as pq
import pystac
import pytest
import requests
import shapely
import xarray as xr
from jsonschema import Draft7Validator
from published_catalog import publish
from pystac.validation.stac_validator import JsonSchemaSTACValidator
from scripted_server import ScriptedServer
from web_folder import serve_folder

from catalog_builder.indexing.index_catalog import index_catalog
from catalog_builder.opening.xarray_engine import Atl03Engine
from earthdata_standin import EarthdataStandin, World

PAGE: Final = Path(__file__).parent.parent / "docs" / "opened-by-others.md"
GRANULE: Final = "ATL03_20220608083120_11801502_007_01"
BUCKET: Final = "nsidc-cumulus-prod-protected"
NEEDED: Final = {
    "pystac": ["pystac"],
    "pystac-client": ["pystac_client"],
    "stac-validator": ["stac_validator.validate"],
    "rustac": ["rustac"],
    "pyogrio": ["pyogrio"],
    "GeoPandas": ["geopandas"],
    "stac-geoparquet": ["stac_geoparquet.arrow", "geopandas"],
    "pyarrow": ["pyarrow"],
    "DuckDB": ["duckdb"],
    "xarray": ["kerchunk", "zarr"],
    "VirtualiZarr": ["virtualizarr.parsers"],
    "xpystac": ["xpystac"],
}
"""Modules that a tool's rows import; rows are skipped where one is absent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of the page: ``error`` is the class of the error, None where it opens."""

    tool: str
    what: str
    call: str
    error: str | None


def rows() -> list[Row]:
    found = re.findall(
        r"^\| ([\w-]+) [^|]+ \| ([^|]+) \| `(.+)` \| (?:yes|no: `(\w+)`) \|$",
        PAGE.read_text(),
        re.MULTILINE,
    )
    return [Row(tool=t, what=w, call=c, error=e or None) for t, w, c, e in found]


ROWS: Final = rows()


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A catalog on a web server, and the stand-in that has its granules."""

    folder: Path
    url: str
    cloud: EarthdataStandin
    items: dict[str, Any]
    granule: Path
    beam: str


@pytest.fixture(scope="module")
def published(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    folder = tmp_path_factory.mktemp("catalog")
    with (
        pytest.MonkeyPatch.context() as patch,
        EarthdataStandin(world=world, rewrite_links=True) as cloud,
    ):
        for name in [n for n in os.environ if n.startswith(("EARTHDATA_", "AWS_", "CMR_"))]:
            patch.delenv(name)
        for name, value in cloud.environment.items():
            patch.setenv(name, value)
        publish(folder)
        report = index_catalog(folder, granules=[GRANULE], jobs=1, plain=True)
        assert report.indexed == (GRANULE,)
        items = {
            path.stem: json.loads(path.read_bytes())
            for path in folder.glob("ATL03_007/cycle-*/*/ATL03_*.json")
        }
        granule = world.objects.get(next(key for key in world.objects if GRANULE + ".h5" in key))
        assert granule is not None
        with ScriptedServer(serve_folder(folder)) as server:
            yield Published(
                folder=folder,
                url=server.url,
                cloud=cloud,
                items=items,
                granule=granule,
                beam=next(iter(items[GRANULE]["properties"]["icesat2:beams"])),
            )


@pytest.fixture
def names(published: Published, tmp_path: Path) -> dict[str, Any]:
    """What the page's calls refer to, apart from the tools."""
    answer = requests.get(
        published.cloud.credentials_endpoint,
        headers={"Authorization": f"Bearer {published.cloud.token}"},
        timeout=10,
    ).json()
    path = next(published.folder.glob(f"ATL03_007/cycle-*/*/{GRANULE}.json"))
    item = f"{published.url}/{path.relative_to(published.folder).as_posix()}"
    opened = pystac.Item.from_file(item)
    opened.make_asset_hrefs_absolute()
    given: dict[str, Any] = {
        "root": f"{published.url}/catalog.json",
        "index": f"{published.url}/items.parquet",
        "table": str(published.folder / "items.parquet"),
        "item": item,
        "references": opened.assets["references"].href,
        "plain": opened.assets["plain_references"].href,
        "assets": opened.assets,
        "href": opened.assets["https"].href,
        "beam": published.beam,
        "empty": str(tmp_path),
        "keys": {
            "key": answer["accessKeyId"],
            "secret": answer["secretAccessKey"],
            "token": answer["sessionToken"],
        },
    }
    (block,) = re.findall(r"```python\n(.+?)```", PAGE.read_text(), re.DOTALL)
    exec(block, given)
    return given | {"fsspec": fsspec, "pq": pq, "pystac": pystac, "xr": xr}


def add_tools(row: Row, names: dict[str, Any], published: Published) -> None:
    """Import what the row's tool needs, or skip it."""
    for module in NEEDED[row.tool]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pytest.importorskip(module, reason=f"{row.tool} is not installed")
            names[module.partition(".")[0]] = importlib.import_module(module.partition(".")[0])
    if row.tool == "rustac":
        options = {"allow_http": True}
        names["store"] = names["rustac"].store.HTTPStore.from_url(
            published.url, client_options=options
        )
    elif row.tool == "DuckDB":
        options = {"autoinstall_known_extensions": False, "extension_directory": names["empty"]}
        names["database"] = names["duckdb"].connect(config=options)
    elif row.tool == "VirtualiZarr":
        from obspec_utils.registry import ObjectStoreRegistry
        from obstore.store import HTTPStore, S3Store
        from virtualizarr.parsers import KerchunkJSONParser

        web = HTTPStore(published.url, client_options={"allow_http": True})
        key, secret, token = (names["keys"][name] for name in ("key", "secret", "token"))
        bucket = S3Store(
            BUCKET,
            access_key_id=key,
            secret_access_key=secret,
            session_token=token,
            endpoint=published.cloud.s3_url,
            region="us-west-2",
            client_options={"allow_http": True},
        )
        names["registry"] = ObjectStoreRegistry({published.url: web, f"s3://{BUCKET}": bucket})
        names["KerchunkJSONParser"] = KerchunkJSONParser


def ids_of(found: Any) -> list[str]:
    """Ids of items, rows, or of a feature collection."""
    if hasattr(found, "to_pydict"):
        found = found.to_pydict()["id"]
    elif hasattr(found, "geometry"):
        found = list(found["id"])
    elif isinstance(found, dict):
        found = found["features"]
    return sorted(
        one
        if isinstance(one, str)
        else one[0]
        if isinstance(one, tuple)
        else one["id"]
        if isinstance(one, dict)
        else one.id
        for one in found
    )


def is_all(found: Any, published: Published) -> bool:
    return ids_of(found) == sorted(published.items)


def is_box(found: Any, published: Published, box: tuple[float, ...]) -> bool:
    """Rows of a box, those that the box of a row alone brought in left out."""
    area = shapely.box(*box)
    truth = [
        name
        for name, item in published.items.items()
        if shapely.geometry.shape(item["geometry"]).intersects(area)
    ]
    crossing = {n for n, item in published.items.items() if item["bbox"][0] > item["bbox"][2]}
    assert crossing & set(truth), "no granule here crosses the antimeridian"
    return ids_of(found[found.intersects(area)]) == sorted(truth)


def is_beam(found: Any, published: Published) -> bool:
    with h5py.File(published.granule) as file:
        expected = file[published.beam]["heights"]["h_ph"][()]
    heights = found["h_ph"].values
    return bool(len(expected) and np.array_equal(heights, expected))


def is_true(found: Any, published: Published) -> bool:
    return found is True


CHECKS: Final[dict[str, Callable[[Any, Published], bool]]] = {
    "all items": is_all,
    "all rows": is_all,
    "all rows, over HTTP": is_all,
    "the root is valid": is_true,
    "an item is valid": is_true,
    "the root": lambda found, published: found["id"] == "everything",
    "an item's footprint": lambda found, published: ids_of(found) == [GRANULE],
    "a box west of 180°": lambda found, published: is_box(found, published, (179, -90, 180, 90)),
    "a box east of -180°": lambda found, published: is_box(
        found, published, (-180, -90, -179, 90)
    ),
    "a beam of an item": is_beam,
    "a beam of a granule": is_beam,
    "all beams of a granule": is_beam,
    "a group": is_beam,
    "a group, plain": is_beam,
    "the tree": is_beam,
}


def test_every_row_of_the_page_is_run() -> None:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    heads = [line for line in lines if line.startswith("| with |")]
    assert len(ROWS) == len(lines) - len(heads) > 20
    assert {row.tool for row in ROWS} == set(NEEDED)
    assert {row.what for row in ROWS if row.error is None} <= set(CHECKS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.tool}: {row.what}")
def test_it_is_opened_as_the_page_says(
    row: Row,
    published: Published,
    names: dict[str, Any],
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    add_tools(row, names, published)
    if "schemas" in row.call:
        names["schemas"] = schemas_on_disk(request.getfixturevalue("validator"), tmp_path)
    if 'engine="atl03"' in row.call and "atl03" not in xr.backends.list_engines():
        pytest.fail(f"xarray does not know {Atl03Engine}: install the project anew (make setup)")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # others' own: deprecations, formats to come
        if row.error is None:
            assert CHECKS[row.what](evaluated(row.call, names), published)
            return
        with pytest.raises(Exception) as raised:  # noqa: PT011  # the page tells its class
            evaluated(row.call, names)
        assert raised.type.__name__ == row.error, raised.value


def evaluated(call: str, names: dict[str, Any]) -> Any:
    """The value of a call, in which ``await`` may stand, as in a notebook."""
    found = eval(compile(call, PAGE.name, "eval", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)

    async def awaited() -> Any:
        return await found

    return asyncio.run(awaited()) if inspect.iscoroutine(found) else found


def schemas_on_disk(validator: JsonSchemaSTACValidator, folder: Path) -> dict[str, str]:
    """Files of all schemas by their addresses."""
    draft = Draft7Validator.META_SCHEMA
    known = validator.schema_cache | {"http://json-schema.org/draft-07/schema": draft}
    for number, schema in enumerate(known.values()):
        (folder / f"{number}.json").write_text(json.dumps(schema))
    return {address: str(folder / f"{number}.json") for number, address in enumerate(known)}
