"""Requests to NASA's Harmony, which cuts granules by area, time and variables on its servers.

Requests are harmony-py's own, to be sent by its ``Client``: nothing is sent from here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from catalog_builder.catalog.stac.layout import COLLECTION, INDEX, is_collection
from catalog_builder.errors import CatalogError, HarmonyError
from catalog_builder.extras import needing
from catalog_builder.geo.area_input import read_area, read_shape
from catalog_builder.geo.window import Moment, parse_interval
from catalog_builder.products.atl03 import BEAMS, beams_named
from catalog_builder.products.granule_name import GranuleName
from catalog_builder.products.product import Product

if TYPE_CHECKING:
    import harmony
    import pyarrow as pa

    from catalog_builder.catalog.index.catalog_location import CatalogLocation

_X_ATC = "heights/dist_ph_along", "geolocation/segment_dist_x"
"""What ``x_atc`` is derived from."""


def harmony_request(
    granules: Mapping[str, str | None],
    collections: Iterable[str | None],
    *,
    area: Any = None,
    variables: Sequence[str] | None = None,
    beams: Sequence[str] | str | None = None,
    datetime: Moment | Sequence[Moment] = None,
    **options: Any,
) -> harmony.Request:
    """A request for exactly these granules: their ids, each with its concept id in CMR.

    ``collections`` are the concept ids of their collections. ``area`` is what
    :func:`~catalog_builder.geo.area_input.read_area` takes, and ``datetime`` an interval: the
    request is for what lies in them, in segments of 20 m. ``variables`` are named as for
    ``open_beam``, of all six beams or of ``beams``; by default all come. ``options`` are further
    arguments of ``harmony.Request``, such as ``skip_preview=True``.

    Raises :class:`~catalog_builder.errors.HarmonyError` where there is nothing to ask for, or no
    one request can; :class:`~catalog_builder.errors.WindowError` for an impossible area or time;
    :class:`~catalog_builder.errors.MissingExtraError` without harmony-py.
    """
    with needing("harmony", "A request to Harmony"):
        from harmony import Collection, Request
    if not granules:
        raise HarmonyError(
            "No granule was found, and a request without ids would be for the whole collection: "
            "search a wider area or a longer time."
        )
    if unknown := [granule for granule, concept in granules.items() if not concept]:
        raise HarmonyError(
            f"{len(unknown)} of {len(granules)} granules have no concept id of CMR, by which "
            f"Harmony finds them, {unknown[0]} among them."
        )
    known = sorted({one for one in collections if one})
    if len(known) != 1:
        raise HarmonyError(
            f"A request is for granules of one collection, and these are of {', '.join(known)}: "
            "make one for each."
            if known
            else "The collection of these granules names no concept id of CMR."
        )
    product = GranuleName.parse(str(next(iter(granules)))).product
    asked: dict[str, Any] = {"granule_id": list(granules.values())}
    if area is not None:
        asked["spatial"] = _spatial(area)
    if datetime is not None:
        asked["temporal"] = _temporal(datetime)
    if variables is not None or beams is not None:
        asked["variables"] = _paths(product, variables, beams)
    return Request(Collection(id=known[0]), **asked, **options)


def _spatial(area: Any) -> harmony.BBox | harmony.WKT:
    """The area as Harmony takes it: a box, or polygons as WKT."""
    import shapely
    from harmony import WKT, BBox

    shape = read_shape(area)
    if isinstance(shape, tuple):
        return BBox(*shape)
    pieces = [polygon for part in read_area(shape).shapes() for polygon in shapely.get_parts(part)]
    return WKT((pieces[0] if len(pieces) == 1 else shapely.MultiPolygon(pieces)).wkt)


def _temporal(datetime: Moment | Sequence[Moment]) -> dict[str, Any]:
    start, end = parse_interval(datetime)
    return {name: time for name, time in (("start", start), ("stop", end)) if time is not None}


def _paths(
    product: Product, variables: Sequence[str] | None, beams: Sequence[str] | str | None
) -> list[str]:
    """Full paths of variables in the file, by which CMR names them."""
    if variables is None:
        raise HarmonyError(
            "Harmony cuts beams out by their variables: name these too, variables=['h_ph', ...]."
        )
    if not variables or isinstance(variables, str):
        raise HarmonyError(f"variables={variables!r}: a list of names is expected.")
    named = [path for name in variables for path in _in_beam(product, name)]
    chosen = BEAMS if beams is None else beams_named(beams)
    return [f"/{beam}/{path}" for beam in chosen for path in dict.fromkeys(named)]


def _in_beam(product: Product, name: str) -> Sequence[str]:
    """Paths within the beam of a variable: one with a group stays as it is."""
    if name == "x_atc" and product.counts_photons:
        return _X_ATC
    return [name if "/" in name else product.main.path(name)]


def indexed_request(
    to_table: Callable[[Sequence[str]], pa.Table], location: CatalogLocation, **asked: Any
) -> harmony.Request:
    """As :func:`harmony_request`, for rows of the index of the catalog at ``location``.

    Raises :class:`~catalog_builder.errors.CatalogError` too, where the index or a collection's
    page cannot be read.
    """
    rows = to_table(["id", "cmr:concept_id", "collection"]).to_pydict()
    granules = dict(zip(rows["id"], rows["cmr:concept_id"], strict=True))
    collections = [_concept(location, one) for one in sorted(set(rows["collection"]), key=str)]
    return harmony_request(granules, collections, **asked)


def _concept(location: CatalogLocation, collection: str) -> str | None:
    """The concept id that a collection's page names."""
    if not is_collection(collection):
        raise CatalogError(f"{location.href(INDEX)} has rows of {collection!r}, no collection.")
    name = f"{collection}/{COLLECTION}"
    try:
        page = orjson.loads(location.read(name))
    except ValueError as error:
        raise CatalogError(f"{location.href(name)} is no JSON.") from error
    concept = page.get("cmr:concept_id") if isinstance(page, dict) else None
    return concept if isinstance(concept, str) else None
