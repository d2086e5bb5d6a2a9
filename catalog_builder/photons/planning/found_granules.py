"""Finds the granules that may hold photons of an area, by footprints and ground tracks."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np

from catalog_builder.beams.columns.photon_columns import PhotonColumns
from catalog_builder.beams.read.beam_reader import Variable
from catalog_builder.beams.read.selection import near_area
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.stac.beam_assets import BEAM_FACTS
from catalog_builder.errors import (
    CatalogError,
    PhotonsError,
    ProductError,
    SeveralReleasesError,
)
from catalog_builder.geo.area import Area
from catalog_builder.opening.granule_forms import in_own_form
from catalog_builder.opening.resolve import ResolvedGranule, as_mapping, resolve
from catalog_builder.photons.planning.photon_request import PhotonRequest
from catalog_builder.products.atl03 import BEAMS, Beam
from catalog_builder.products.granule_name import GranuleName, stem_of

FOOTPRINT_DEGREES: Final = 0.1
"""How far a photon may lie outside the footprint that its record gives."""

_AROUND: Final = timedelta(minutes=1)
"""How far a granule's photons may lie outside the time that its record gives."""

_STEP: Final = 0.05
"""Degrees of longitude or latitude between the places at which a track is looked at."""

_LONGEST: Final = 3600.0
"""Degrees along a track, at most: ten times round the Earth."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FoundGranule:
    """A granule that may hold photons of the area."""

    name: GranuleName
    granule: ResolvedGranule
    beams: tuple[Beam, ...]
    """Those that may hold some of them, from left to right."""
    columns: tuple[PhotonColumns, ...] = ()
    """What is derived for its photons, by the siblings that it has."""

    def with_columns(self, request: PhotonRequest) -> FoundGranule:
        """The granule with its siblings, whose references are loaded.

        Raises :class:`~catalog_builder.errors.PairError` where one that is needed is not there,
        or is another granule's.
        """
        if not request.columns:
            return self
        columns = request.derived.columns_of(
            self.granule, self.beams, request.access, request.cache
        )
        return replace(self, columns=tuple(columns))


def described_columns(
    found: Iterable[tuple[FoundGranule, Beam]], known: Mapping[str, Variable]
) -> dict[str, Variable]:
    """What variables are, those ``known`` and the derived ones of these beams.

    Headers of a few siblings are read, at most: some lack a beam, or what is asked of them.
    """
    every = dict(known)
    tries: Counter[int] = Counter()
    for one, beam in found:
        for number, columns in enumerate(one.columns):
            lacking = not every.keys() >= columns.variables.keys()
            if columns.needs_header and lacking and tries[number] < len(BEAMS):
                every = {**columns.described(beam), **every}
                tries[number] += 1
    return every


def find_granules(source: Any, request: PhotonRequest) -> tuple[list[FoundGranule], int]:
    """The granules that may hold photons of the request, and how many were looked at.

    ``source`` is an :class:`~catalog_builder.catalog.index.item_index.ItemIndex`, items or
    addresses of granules, or the path or URL of a catalog. Of a granule's revisions the highest
    is taken. Sorted by their ids, which is by time. Raises
    :class:`~catalog_builder.errors.SeveralReleasesError`.
    """
    siblings: set[str] = set()
    newest: dict[str, tuple[GranuleName, ResolvedGranule, Mapping[str, Any] | None]] = {}
    for item in _items(source, request):
        name, granule, facts = _resolved(item)
        if not name.product.counts_photons:  # a catalog may hold both
            siblings.add(name.product.short_name)
            continue
        if request.release is not None and name.release != request.release:
            continue
        known = newest.get(stem_of(name.id))
        if known is None or known[0].revision < name.revision:
            newest[stem_of(name.id)] = name, granule, facts
    if siblings and not newest:
        raise PhotonsError(
            f"These are granules of {' and '.join(sorted(siblings))}, which are not opened by "
            "photon: open each beam with open_beam(item, beam)."
        )
    releases = sorted({name.release for name, _, _ in newest.values()})
    if len(releases) > 1:
        raise SeveralReleasesError(
            f"There are granules of the releases {' and '.join(releases)}, which hold the same "
            f'photons twice: name one, as in release="{releases[-1]}".'
        )
    found = []
    for name, granule, facts in sorted(newest.values(), key=lambda one: one[0].id):
        beams = _beams(request, facts)
        if beams:
            found.append(FoundGranule(name=name, granule=granule, beams=beams))
    return found, len(newest)


def _moved(moment: datetime | None, by: timedelta) -> datetime | None:
    """A time moved; None, which is no limit, where there is none or it leaves the calendar."""
    try:
        return None if moment is None else moment + by
    except OverflowError:
        return None


def _items(source: Any, request: PhotonRequest) -> Iterator[Any]:
    if isinstance(source, (str, os.PathLike)):
        source = ItemIndex.open(os.fspath(source))
    if isinstance(source, ItemIndex):
        conditions: dict[str, Any] = {}
        interval = request.selection.interval
        if interval is not None and any(interval):
            start, end = interval
            conditions["datetime"] = _moved(start, -_AROUND), _moved(end, _AROUND)
        yield from source.search(
            intersects=_polygons(request.area.reach(FOOTPRINT_DEGREES)), **conditions
        ).dictionaries()
        return
    if isinstance(source, Mapping) or hasattr(source, "get_self_href"):
        source = [source]
    if not isinstance(source, Iterable):
        raise CatalogError(
            f"Photons are looked for in an ItemIndex, in items, or in the path or URL of a "
            f"catalog; not in {source!r}."
        )
    yield from source


def _polygons(boxes: Iterable[tuple[float, float, float, float]]) -> dict[str, Any]:
    """Boxes as a GeoJSON MultiPolygon; no edge is so long that it could be meant the short way."""
    polygons = []
    for west, south, east, north in boxes:
        eastward = [float(lon) for lon in np.linspace(west, east, 5)]
        ring = [[lon, south] for lon in eastward] + [[lon, north] for lon in eastward[::-1]]
        polygons.append([[*ring, ring[0]]])
    return {"type": "MultiPolygon", "coordinates": polygons}


def _resolved(item: Any) -> tuple[GranuleName, ResolvedGranule, Mapping[str, Any] | None]:
    """The name of an item's granule, the granule, and the facts of its beams."""
    if not isinstance(item, ResolvedGranule):
        item = in_own_form(item)
    if isinstance(item, (str, os.PathLike, ResolvedGranule)):
        granule = resolve(item)
        links = granule.links
        return GranuleName.parse(links.s3 or links.https or links.local or ""), granule, None
    try:
        mapping = as_mapping(item)
        name = GranuleName.parse(str(mapping["id"]))
    except (AttributeError, KeyError, TypeError, ProductError) as error:
        raise PhotonsError(f"{item!r:.80} is no STAC item of an ATL03 granule.") from error
    facts = mapping["properties"].get(BEAM_FACTS)
    return name, resolve(mapping), facts if isinstance(facts, Mapping) else None


def _beams(request: PhotonRequest, facts: Mapping[str, Any] | None) -> tuple[Beam, ...]:
    """The beams that may hold photons of the request, by what the item says of them."""
    if not facts:
        return request.beams
    return tuple(
        beam
        for beam in request.beams
        if isinstance(known := facts.get(beam), Mapping)
        and known.get("photons", 1)
        and (
            request.strength is None or known.get("strength", request.strength) == request.strength
        )
        and (not (track := known.get("track")) or is_near(request.area, track))
    )


def is_near(area: Area, track: Any) -> bool:
    """Whether a ground track, simplified points of longitude and latitude, may reach the area."""
    try:
        points = np.asarray(track, dtype=np.float64).reshape(-1, 2)
    except (TypeError, ValueError):
        return True  # no track: it says nothing
    lon, lat = np.unwrap(points[:, 0], period=360.0), points[:, 1]
    if len(points) > 1:
        steps = np.maximum(np.abs(np.diff(lon)), np.abs(np.diff(lat)))
        at = np.concatenate([[0.0], np.cumsum(np.maximum(steps, 1e-9))])
        if not at[-1] < _LONGEST:
            return True  # no track: it says nothing
        fine = np.unique(np.concatenate([at, np.arange(0.0, at[-1], _STEP)]))
        lon, lat = np.interp(fine, at, lon), np.interp(fine, at, lat)
    else:
        lon, lat = np.repeat(lon, 2), np.repeat(lat, 2)
    lon = (lon + 180.0) % 360.0 - 180.0
    back = (lon[1:] - lon[:-1] + 180.0) % 360.0 - 180.0 < 0
    west, east = np.where(back, lon[1:], lon[:-1]), np.where(back, lon[:-1], lon[1:])
    south, north = np.minimum(lat[1:], lat[:-1]), np.maximum(lat[1:], lat[:-1])
    return bool(near_area(area, west, east, south, north).any())
