"""Where a granule lies: a ring or an orbit becomes a valid GeoJSON geometry and its box.

A granule's swath is some 12 km wide and thousands of kilometres long, and NASA's records draw it
with as few as nine vertices. Its long edges follow the orbit. Straight lines and great
circles both leave the swath between two vertices. So a ring is converted to the orbit's own
coordinates, in which its edges are straight. There it gets the vertices that a planar map needs,
and is converted back to a footprint that planar tools (shapely, GeoPandas, STAC Browser) read
correctly. Rings across ±180 are split there (RFC 7946, section 3.1.9).

All records of a page are processed at once, which is several times faster than one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon

from catalog_builder.catalog.footprint import antimeridian
from catalog_builder.catalog.footprint.bbox_union import cover
from catalog_builder.catalog.footprint.densify import DIGITS, densify, simplified
from catalog_builder.catalog.footprint.long_swaths import FARTHEST, cut, joined
from catalog_builder.catalog.footprint.ragged_rings import RaggedRings
from catalog_builder.catalog.footprint.raw_footprint import RawFootprint
from catalog_builder.errors import FootprintError
from catalog_builder.geo import orbit
from catalog_builder.geo.area import Area
from catalog_builder.geo.window import Box

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Shape = Polygon | MultiPolygon


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Footprint:
    """The area on Earth that a granule covers."""

    drawn: dict[str, Any] = field(repr=False)
    """GeoJSON Polygon or MultiPolygon, exteriors counter-clockwise, split at ±180. Its rings are
    arrays of longitudes and latitudes, float64 of shape (n, 2), contiguous, as orjson
    requires."""
    bbox: Box
    """West, south, east, north, degrees; west is greater than east where it crosses ±180."""
    shape: Shape = field(repr=False)
    """The same geometry, for shapely."""

    @property
    def geometry(self) -> dict[str, Any]:
        """The GeoJSON with lists in place of arrays, as ``json.loads`` gives it."""
        return {"type": self.drawn["type"], "coordinates": _listed(self.drawn["coordinates"])}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Footprint):
            return NotImplemented
        return self.bbox == other.bbox and self.geometry == other.geometry

    def meets(self, box: Box) -> bool:
        """True if it shares a point with a box; west > east crosses ±180."""
        return bool(Area.of_box(box).meets(np.array([self.shape]))[0])


def draw(raw_footprints: Sequence[RawFootprint]) -> list[Footprint | FootprintError]:
    """The footprint of each raw footprint, or the error that says why it has none."""
    places = np.repeat(
        np.arange(len(raw_footprints)), [1 + len(raw.more) for raw in raw_footprints]
    )
    batch = _RingBatch([ring for raw in raw_footprints for ring in (raw, *raw.more)])
    batch.places = places[batch.places]
    batch.refused = {int(places[number]): reason for number, reason in batch.refused.items()}
    _check_on_earth(batch)
    _into_orbit(batch)
    _check_simple(batch)
    batch.cut_long()
    drawn: list[list[Footprint | FootprintError]] = [[] for _ in raw_footprints]
    if len(batch.rings):
        for place, result in zip(batch.places.tolist(), _footprints(batch), strict=True):
            drawn[place].append(result)
    for place, reason in batch.refused.items():
        drawn[place] = [FootprintError(reason)]
    return [parts[0] if len(parts) == 1 else _joined(parts) for parts in drawn]


def footprint(raw: RawFootprint) -> Footprint:
    """The footprint of one ring; raises :class:`~catalog_builder.errors.FootprintError`."""
    (drawn,) = draw([raw])
    if isinstance(drawn, FootprintError):
        raise drawn
    return drawn


class _RingBatch:
    """Rings that become footprints, and the reasons of those that cannot."""

    def __init__(self, raw_footprints: Sequence[RawFootprint]) -> None:
        self.rings = RaggedRings.of(
            [raw.x for raw in raw_footprints], [raw.y for raw in raw_footprints]
        )
        self.near = np.array([raw.near for raw in raw_footprints], dtype=np.float64)
        self.nodes = np.array(
            [np.nan if raw.node is None else raw.node for raw in raw_footprints], dtype=np.float64
        )
        """Longitudes of the ascending nodes. NaN while unknown: then the ring is in longitudes and
        latitudes, else in orbit coordinates."""
        self.places = np.arange(len(raw_footprints))
        """Index of each ring in ``raw_footprints``."""
        self.refused: dict[int, str] = {}
        """Why the others have no footprint, by their index."""
        self.refuse(self.rings.counts == 0, lambda _: _too_few(0))

    def refuse(self, bad: Mask, reason: Callable[[int], str]) -> None:
        """Remove rings; ``reason`` gives the reason for a ring by its number."""
        if not bad.any():
            return
        for number in np.flatnonzero(bad).tolist():
            self.refused[int(self.places[number])] = reason(number)
        self.rings = self.rings.kept(~bad)
        self.near, self.nodes = self.near[~bad], self.nodes[~bad]
        self.places = self.places[~bad]

    def cut_long(self) -> None:
        """Cut the rings, in orbit coordinates, of which a swath is too long to be drawn as one."""
        self.rings, of = cut(self.rings)
        self.near, self.nodes, self.places = self.near[of], self.nodes[of], self.places[of]

    def vertices(self, number: int) -> tuple[Floats, Floats]:
        """The vertices of one ring."""
        of = self.rings.owner == number
        return self.rings.x[of], self.rings.y[of]


def _too_few(count: int) -> str:
    return f"The ring has {count} distinct vertices; it takes at least 3."


def _check_on_earth(batch: _RingBatch) -> None:
    """Refuse rings with impossible coordinates or with fewer than three distinct vertices."""
    rings = batch.rings
    batch.refuse(
        rings.any(~(np.isfinite(rings.x) & np.isfinite(rings.y))),
        lambda _: "The ring holds a coordinate that is not a number.",
    )

    def left(number: int) -> str:
        lon, lat = batch.vertices(number)
        return (
            "The ring leaves the Earth: "
            f"longitudes {lon.min()} to {lon.max()}, latitudes {lat.min()} to {lat.max()}."
        )

    rings = batch.rings
    unplaced = np.isnan(batch.nodes)
    batch.refuse(unplaced & rings.any((np.abs(rings.y) > 90) | (np.abs(rings.x) > 360)), left)
    # Along an orbit a place is not the same a revolution later.
    rings = batch.rings.distinct(period=np.where(np.isnan(batch.nodes), 360.0, np.inf))
    batch.refuse(rings.counts < 3, lambda number: _too_few(int(rings.counts[number])))
    batch.rings = rings.kept(rings.counts >= 3)


def _into_orbit(batch: _RingBatch) -> None:
    """Convert the rings that are not yet in orbit coordinates."""
    unplaced = np.isnan(batch.nodes)
    if not unplaced.any():
        return
    rings, near = batch.rings, batch.near
    vertices = unplaced[rings.owner]
    some = rings.kept(unplaced)
    batch.nodes[unplaced], u = orbit.find_nodes(some.x, some.y, near[unplaced], some.starts)
    x, y = rings.x.copy(), rings.y.copy()
    x[vertices], y[vertices] = orbit.to_orbit(
        some.x, some.y, batch.nodes[rings.owner[vertices]], u, steps=2
    )
    batch.rings = RaggedRings(x, y, rings.counts)

    def lost(number: int) -> str:
        _, cross = batch.vertices(number)
        return f"The ring lies up to {np.abs(cross).max():.1f} degrees off any ICESat-2 track."

    batch.refuse(batch.rings.any(np.abs(batch.rings.y) > FARTHEST), lost)


def _check_simple(batch: _RingBatch) -> None:
    """Refuse rings that cross themselves or have no area."""
    polygons = batch.rings.closed().polygons()
    batch.refuse(
        ~shapely.is_valid(polygons) | (shapely.area(polygons) == 0),
        lambda n: f"The ring is no simple polygon: {shapely.is_valid_reason(polygons[n])}.",
    )


def _footprints(batch: _RingBatch) -> Iterator[Footprint | FootprintError]:
    """The footprints of rings in orbit coordinates."""
    rings = densify(simplified(batch.rings.closed()), batch.nodes)
    whole, corners = rings.polygons(), rings.corners()
    bounds = shapely.bounds(whole)
    valid = shapely.is_valid(whole).tolist()
    crosses = bounds[:, 2] > 180.0
    halves = dict(zip(np.flatnonzero(crosses).tolist(), _halved(rings, crosses), strict=True))
    for number, (west, south, east, north) in enumerate(bounds.tolist()):
        box = west, south, east if east <= 180.0 else round(east - 360.0, DIGITS), north
        cut = halves.get(number)
        if not valid[number] or (number in halves and cut is None):
            try:
                shape = shapely.orient_polygons(antimeridian.split(_valid(whole[number])))
            except FootprintError as error:
                yield error
            else:
                yield Footprint(drawn=as_geojson(shape), bbox=box, shape=shape)
        elif cut is not None:
            shape, parts = cut
            drawn: dict[str, Any] = {"type": "MultiPolygon", "coordinates": parts}
            yield Footprint(drawn=drawn, bbox=box, shape=shape)
        else:
            drawn = {"type": "Polygon", "coordinates": [corners[number]]}
            yield Footprint(drawn=drawn, bbox=box, shape=whole[number])


def _joined(parts: Sequence[Footprint | FootprintError]) -> Footprint | FootprintError:
    """The footprint of several pieces or rings; the error of one that has none."""
    shapes = []
    for part in parts:
        if isinstance(part, FootprintError):
            return part
        shapes.append(part.shape)
    shape = joined(shapes)
    bounds = shapely.bounds(shapely.get_parts(shape))
    return Footprint(drawn=as_geojson(shape), bbox=cover(bounds, all_round=0), shape=shape)


def _halved(
    rings: RaggedRings, which: Mask
) -> list[tuple[MultiPolygon, list[list[Floats]]] | None]:
    """Some closed rings, cut at 180: their shapes and GeoJSON coordinates.

    None for a ring that does not fall into exactly two parts.
    """
    if not which.any():
        return []
    before, beyond, cut = antimeridian.halves(rings.kept(which))
    pairs: Any = np.column_stack((before.polygons(), beyond.polygons()))
    shapes: Any = shapely.multipolygons(pairs)
    parts = zip(
        shapes, shapely.is_valid(shapes).tolist(), before.corners(), beyond.corners(), strict=True
    )
    found: list[tuple[MultiPolygon, list[list[Floats]]] | None] = [None] * len(cut)
    for number, (shape, valid, first, second) in zip(
        np.flatnonzero(cut).tolist(), parts, strict=True
    ):
        if valid:
            found[number] = shape, [[first], [second]]
    return found


def _valid(polygon: Polygon) -> Shape:
    """The polygon itself, or repaired where rounding made neighbouring edges touch."""
    if polygon.is_valid:
        return polygon
    repaired = shapely.make_valid(polygon, method="structure", keep_collapsed=False)
    if repaired.is_empty or not isinstance(repaired, (Polygon, MultiPolygon)):
        raise FootprintError(f"The ring is no polygon: {shapely.is_valid_reason(polygon)}.")
    return repaired


def as_geojson(shape: Shape) -> dict[str, Any]:
    """GeoJSON whose rings are arrays, shape (n, 2), as in :attr:`Footprint.drawn`."""
    parts: list[Any] = [
        [shapely.get_coordinates(ring) for ring in (part.exterior, *part.interiors)]
        for part in shapely.get_parts(shape)
    ]
    if isinstance(shape, Polygon):
        return {"type": "Polygon", "coordinates": parts[0]}
    return {"type": "MultiPolygon", "coordinates": parts}


def _listed(coordinates: Any) -> Any:
    """GeoJSON coordinates, nested at any depth, without arrays."""
    if isinstance(coordinates, np.ndarray):
        return coordinates.tolist()
    return [_listed(part) for part in coordinates]
