"""The pages between a catalog's root and its items, and the links that hold them together.

All links are relative, so that the folder can be hosted anywhere, moved, or read from disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from catalog_builder.atl03 import GranuleName
from catalog_builder.catalog.layout import (
    CARD,
    CATALOG,
    COLLECTION,
    INDEX,
    cycle_folder,
    day_folder,
)
from catalog_builder.catalog.stac import STAC_VERSION

if TYPE_CHECKING:
    from catalog_builder.catalog.definition import Definition

Page = dict[str, Any]

_JSON: Final = "application/json"
_GEOJSON: Final = "application/geo+json"


def item_links() -> list[dict[str, str]]:
    """Links of an item: the same for all, for all lie equally deep."""
    return [
        _link("root", f"../../../{CATALOG}"),
        _link("parent", f"./{CATALOG}"),
        _link("collection", f"../../{COLLECTION}"),
    ]


def root_page(definition: Definition, collection: Mapping[str, Any], url: str | None) -> Page:
    """The root catalog; ``url`` is the address that its folder will have, where that is known."""
    description = definition.description or (
        f"{definition.title}. Granules of {collection['title']} that lie in the cloud, found by "
        f"place and time in {INDEX} and opened through {CARD}."
    )
    links = [
        _link("root", f"./{CATALOG}"),
        _link("child", f"./{collection['id']}/{COLLECTION}", title=collection["title"]),
    ]
    if url is not None:
        links.append(_link("self", f"{url.rstrip('/')}/{CATALOG}"))
    return _catalog(definition.name, definition.title, description, links)


def collection_page(collection: Mapping[str, Any], names: Iterable[GranuleName]) -> Page:
    """The collection with links to its cycles, and to the index and the intake card as assets."""
    cycles = sorted({(name.cycle, cycle_folder("", name)) for name in names})
    return {
        **collection,
        "links": [
            _link("root", f"../{CATALOG}"),
            _link("parent", f"../{CATALOG}"),
            *(_link("child", f".{place}/{CATALOG}", title=_cycle(n)) for n, place in cycles),
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
                "href": f"../{CARD}",
                "type": "application/yaml",
                "title": "Intake catalog that opens beams with xarray",
                "roles": ["metadata"],
            },
        },
    }


def inner_pages(collection: str, names: Iterable[GranuleName]) -> Iterator[tuple[str, Page]]:
    """Path and content of the pages of all cycles and days."""
    ordered = sorted(names, key=lambda name: (name.cycle, name.start, name.id))
    for cycle, in_cycle in groupby(ordered, key=lambda name: name.cycle):
        days = []
        for folder, in_day in groupby(in_cycle, key=lambda name: day_folder(collection, name)):
            granules = list(in_day)
            days.append(folder)
            yield f"{folder}/{CATALOG}", _day_page(folder, cycle, granules)
        folder = cycle_folder(collection, granules[0])
        yield f"{folder}/{CATALOG}", _cycle_page(folder, cycle, days)


def _cycle_page(folder: str, cycle: int, days: list[str]) -> Page:
    dates = [day.rpartition("/")[2] for day in days]
    links = [
        _link("root", f"../../{CATALOG}"),
        _link("parent", f"../{COLLECTION}"),
        *(_link("child", f"./{date}/{CATALOG}", title=date) for date in dates),
    ]
    description = f"Granules of the 91-day cycle {cycle}, by day: {dates[0]} to {dates[-1]}."
    return _catalog(folder.replace("/", "-"), _cycle(cycle), description, links)


def _day_page(folder: str, cycle: int, granules: list[GranuleName]) -> Page:
    date = folder.rpartition("/")[2]
    links = [
        _link("root", f"../../../{CATALOG}"),
        _link("parent", f"../{CATALOG}"),
        *(_link("item", f"./{name.id}.json", kind=_GEOJSON, title=name.id) for name in granules),
    ]
    description = f"Granules that start on {date} (UTC), in cycle {cycle}."
    return _catalog(folder.replace("/", "-"), date, description, links)


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
