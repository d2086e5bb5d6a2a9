"""The index names the collections of its rows, as stac-geoparquet 1.1 has it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from published_catalog import publish

from catalog_builder.catalog.build.publish import PublishedFolder
from catalog_builder.catalog.build.reindex import refresh_index
from catalog_builder.catalog.index.item_index import open_index
from catalog_builder.catalog.stac.pages import bare_collection
from catalog_builder.indexing.index_catalog import index_catalog
from earthdata_standin import EarthdataStandin


def described(folder: Path) -> dict[str, Any]:
    metadata = pq.read_metadata(folder / "items.parquet").metadata
    found: dict[str, Any] = json.loads(metadata[b"stac-geoparquet"])
    return found


def test_the_footer_has_the_collection_of_the_page(
    cloud: EarthdataStandin, tmp_path: Path
) -> None:
    folder = publish(tmp_path / "catalog")
    page = json.loads((folder / "ATL03_007" / "collection.json").read_bytes())
    expected = {"version": "1.1.0", "collections": {"ATL03_007": bare_collection(page)}}
    assert described(folder) == expected
    assert page["extent"]["temporal"]["interval"][0][0].startswith("20")
    built = (folder / "items.parquet").read_bytes()
    # An indexing run takes the collection from its page: the same rows give the same bytes.
    (granule,) = open_index(folder).ids[:1]
    written = PublishedFolder(folder)
    with written.writing():
        written.mark_outdated(granule)
        refresh_index(written)
    assert (folder / "items.parquet").read_bytes() == built
    with ThreadPoolExecutor(1) as executor:
        index_catalog(folder, granules=[granule], executor=executor)
    assert described(folder) == expected
    # A build tells another collection than that at once, though no granule changed.
    other = page | {"title": "Another"}
    (folder / "ATL03_007" / "collection.json").write_text(json.dumps(other))
    with written.writing():
        written.mark_outdated(granule)
        refresh_index(written)
    assert described(folder)["collections"]["ATL03_007"]["title"] == "Another"
    publish(folder)
    assert described(folder) == expected
    # A page that is damaged is left out, and stops no run.
    (folder / "ATL03_007" / "collection.json").write_text('{"links": 1}')
    with written.writing():
        written.mark_outdated(granule)
        refresh_index(written)
    assert described(folder) == {"version": "1.1.0"}
