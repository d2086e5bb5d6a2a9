"""The pages of a static catalog: root, collection, cycles and days, with their links.

Links are relative, so that the folder can be hosted anywhere, moved, or read from disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from catalog_builder.catalog.stac.item import STAC_VERSION
from catalog_builder.catalog.stac.layout import (
    CATALOG,
    CATALOG_YML,
    COLLECTION,
    INDEX,
    cycle_folder,
    day_folder,
)

if TYPE_CHECKING:
    from catalog_builder.catalog.definition import Definition

Page = dict[str, Any]

_JSON: Final = "application/json"
_GEOJSON: Final = "application/geo+json"


@lru_cache(maxsize=512)
def item_links(root: str, collection: str, date: str) -> list[dict[str, str]]:
    """Links of the items of a day, ``2018-10-14``: one list for all of them.

    ``root`` and ``collection`` are the titles of the catalog and of the collection.
    """
    return [
        _link("root", f"../../../{CATALOG}", title=root),
        _link("parent", f"./{CATALOG}", title=date),
        _link("collection", f"../../{COLLECTION}", title=collection),
    ]


def root_page(
    definition: Definition, collections: Sequence[Mapping[str, Any]], url: str | None
) -> Page:
    """The root catalog; ``url`` is where its folder will be hosted, if that is known."""
    titles = "; ".join(one["title"] for one in collections)
    description = definition.description or (
        f"{definition.title}. Granules of {titles} that lie in the cloud, found by "
        f"place and time in {INDEX} and opened through {CATALOG_YML}."
    )
    links = [
        _link("root", f"./{CATALOG}", title=definition.title),
        *(
            _link("child", f"./{one['id']}/{COLLECTION}", title=one["title"])
            for one in collections
        ),
    ]
    if url is not None:
        links.append(_link("self", f"{url.rstrip('/')}/{CATALOG}"))
    return _catalog(definition.name, definition.title, description, links)


def collection_page(
    collection: Mapping[str, Any], cycles: Iterable[int], *, root: str, items: bool = True
) -> Page:
    """The collection with links to its cycles, and with the index and ``catalog.yml`` as assets.

    ``root`` is the catalog's title. Without ``items`` there are no pages below; the items are in
    the index alone.
    """
    return {
        **collection,
        "links": [
            _link("root", f"../{CATALOG}", title=root),
            _link("parent", f"../{CATALOG}", title=root),
            *(
                _link("child", f".{cycle_folder('', cycle)}/{CATALOG}", title=_cycle(cycle))
                for cycle in cycles
                if items
            ),
            *collection["links"],
        ],
        "assets": {
            "items": {
                "href": f"../{INDEX}",
                "type": "application/vnd.apache.parquet",
                "title": "All items, as GeoParquet (stac-geoparquet)",
                "roles": ["collection-mirror", "stac-items"],
            },
            "intake": {
                "href": f"../{CATALOG_YML}",
                "type": "application/yaml",
                "title": "Intake catalog that opens beams with xarray",
                "roles": ["metadata"],
            },
        },
    }


def bare_collection(page: Mapping[str, Any]) -> Page:
    """The collection of a page of :func:`collection_page`, without the links and assets there."""
    links = [link for link in page["links"] if link["rel"] not in ("root", "parent", "child")]
    bare = {key: value for key, value in page.items() if key != "assets"}
    return {**bare, "links": links}


def cycle_page(
    collection: Mapping[str, Any], cycle: int, dates: Sequence[str], *, root: str
) -> tuple[str, Page]:
    """Path and content of a cycle's page; ``dates`` are its days, ``2018-10-14``, sorted."""
    folder = cycle_folder(collection["id"], cycle)
    links = [
        _link("root", f"../../{CATALOG}", title=root),
        _link("parent", f"../{COLLECTION}", title=collection["title"]),
        *(_link("child", f"./{date}/{CATALOG}", title=date) for date in dates),
    ]
    description = f"Granules of the 91-day cycle {cycle}, by day: {dates[0]} to {dates[-1]}."
    page = _catalog(folder.replace("/", "-"), _cycle(cycle), description, links)
    return f"{folder}/{CATALOG}", page


def day_page(
    collection: str, cycle: int, date: str, ids: Sequence[str], *, root: str
) -> tuple[str, Page]:
    """Path and content of the page of a day, ``2018-10-14``, in a cycle; ``ids`` are sorted."""
    folder = day_folder(collection, cycle, date)
    links = [
        _link("root", f"../../../{CATALOG}", title=root),
        _link("parent", f"../{CATALOG}", title=_cycle(cycle)),
        *(_link("item", f"./{each}.json", kind=_GEOJSON, title=each) for each in ids),
    ]
    description = f"Granules that start on {date} (UTC), in cycle {cycle}."
    page = _catalog(folder.replace("/", "-"), date, description, links)
    return f"{folder}/{CATALOG}", page


def _catalog(name: str, title: str, description: str, links: list[dict[str, str]]) -> Page:
    return {
        "type": "Catalog",
        "stac_version": STAC_VERSION,
        "id": name,
        "title": title,
        "description": description,
        "links": links,
    }


def _cycle(number: int) -> str:
    return f"Cycle {number:02d}"


def _link(rel: str, href: str, *, kind: str = _JSON, title: str | None = None) -> dict[str, str]:
    link = {"rel": rel, "href": href, "type": kind}
    return link if title is None else {**link, "title": title}
