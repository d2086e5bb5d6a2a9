"""Searches of CMR by place and time, without a definition or a catalog."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from catalog_builder.catalog.cmr.client import CmrClient
from catalog_builder.catalog.cmr.query import MAX_PAGE, GranuleQuery
from catalog_builder.catalog.cmr.umm_g import concept_id, granule_ur, read_record
from catalog_builder.catalog.granule_list import GranuleList
from catalog_builder.catalog.index.search_arguments import SearchArguments
from catalog_builder.catalog.stac.granule import Granule, parse_records
from catalog_builder.catalog.stac.item import to_item
from catalog_builder.errors import RecordError, WindowError
from catalog_builder.geo.area import Area
from catalog_builder.geo.area_input import read_area
from catalog_builder.geo.window import Moment, parse_interval

if TYPE_CHECKING:
    from catalog_builder.catalog.cmr.umm_c import Collection
    from catalog_builder.catalog.index.search_arguments import Numbers
    from catalog_builder.progress import Reporter

_FEW: Final = 100
"""Records in a page, and drawn together, where few granules are wanted: most lie beside."""

_AT_ONCE: Final = 500
"""Records whose footprints are drawn together, at most."""


def search(
    *,
    bbox: Sequence[float] | str | None = None,
    area: Any = None,
    datetime: Moment | Sequence[Moment] = None,
    version: str = "007",
    short_name: str = "ATL03",
    provider: str = "NSIDC_CPRD",
    rgt: Numbers = None,
    cycle: Numbers = None,
    region: Numbers = None,
    orbit_state: str | None = None,
    limit: int | None = None,
    client: CmrClient | None = None,
    progress: Reporter | None = None,
) -> GranuleList:
    """Ask CMR for the granules of a place and a time, in the order of time; no login is needed.

    ``area`` is anything that :func:`~catalog_builder.geo.area_input.read_area` takes, ``bbox``
    west, south, east, north in degrees; ``datetime`` a time or an interval (``2019``,
    ``2019-01/..``). ``rgt``, ``cycle`` and ``region`` are numbers or lists of such. CMR's
    search is loose: of what it lists, those are kept whose footprint, 12 km wide, meets the area.
    ``client`` is by default one of the CMR that ``CMR_URL`` names, NASA's unless set.

    Raises :class:`~catalog_builder.errors.WindowError` where neither place nor time is given, or
    one of them cannot be, and :class:`~catalog_builder.errors.CmrError`.
    """
    if area is not None and bbox is not None:
        raise WindowError("Give the area by area= or by bbox=, not both.")
    place = None if area is None and bbox is None else read_area(bbox if area is None else area)
    if place is None and datetime is None:
        raise WindowError(
            "Name a place or a time: search(bbox=[west, south, east, north]), search(area=...), "
            'search(datetime="2019-01"). A whole release is for `catalog-builder build`.'
        )
    arguments = SearchArguments.parse(
        rgt=rgt, cycle=cycle, region=region, orbit_state=orbit_state, limit=limit
    )
    interval = (None, None) if datetime is None else parse_interval(datetime)
    with CmrClient() if client is None else nullcontext(client) as cmr:
        collection = cmr.collection(short_name, version, provider)
        query = GranuleQuery(
            collection_concept_id=collection.concept_id,
            bounding_box=None if place is None else place.box,
            temporal=interval,
            sort_key="start_date",
            page_size=MAX_PAGE if limit is None else min(MAX_PAGE, max(_FEW, limit)),
        )
        listing = cmr.granules(query, progress=progress)
        left_out: list[tuple[str, str]] = []
        at_once = min(_AT_ONCE, query.page_size)
        granules = _inside(_granules(listing, at_once, left_out), place)
        items = _items(granules, collection, arguments)
        documents = sorted(islice(items, arguments.limit), key=_start)
        return GranuleList(
            documents=tuple(documents),
            listed=listing.hits or 0,
            left_out=tuple(left_out),
            collection_concept_id=collection.concept_id,
        )


def collections(
    short_name: str = "ATL03",
    *,
    version: str | None = None,
    provider: str | None = None,
    cloud_hosted: bool | None = None,
    client: CmrClient | None = None,
) -> list[Collection]:
    """The collections of a product in CMR: concept id, release, archive, number of granules.

    ``cloud_hosted``: True for those in the cloud only, False for the others. Raises
    :class:`~catalog_builder.errors.CmrError`.
    """
    with CmrClient() if client is None else nullcontext(client) as cmr:
        return cmr.collections(
            short_name=short_name, version=version, provider=provider, cloud_hosted=cloud_hosted
        )


def _granules(
    records: Iterable[dict[str, Any]], at_once: int, left_out: list[tuple[str, str]]
) -> Iterator[list[Granule]]:
    """Granules of the records, some at once; the others are noted, with the reason."""
    left = iter(records)
    while some := [*islice(left, at_once)]:
        read = parse_records(map(read_record, some))
        yield [one for one in read if not isinstance(one, RecordError)]
        left_out += (
            (f"{granule_ur(record)} ({concept_id(record)})", str(one))
            for record, one in zip(some, read, strict=True)
            if isinstance(one, RecordError)
        )


def _inside(granules: Iterable[list[Granule]], place: Area | None) -> Iterator[Granule]:
    for some in granules:
        if place is None or not some:
            yield from some
            continue
        shapes = np.array([one.footprint.shape for one in some], dtype=object)
        yield from (one for one, met in zip(some, place.meets(shapes), strict=True) if met)


def _items(
    granules: Iterable[Granule], collection: Collection, arguments: SearchArguments
) -> Iterator[dict[str, Any]]:
    """Items of the granules that are of the tracks, cycles, regions and directions."""
    for granule in granules:
        item = to_item(granule, collection)
        found = item["properties"]
        if all(
            found.get(column) in (value if isinstance(value, tuple) else (value,))
            for column, value in arguments.values
        ):
            yield {**item, "links": []}


def _start(item: dict[str, Any]) -> tuple[str, str]:
    return item["properties"]["start_datetime"], item["id"]
