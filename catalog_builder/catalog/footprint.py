"""Where a granule lies: a ring or an orbit becomes a valid GeoJSON geometry and its box.

A granule's swath is some 12 km wide and thousands of kilometres long, and NASA's records draw it
with as few as nine vertices. Its long edges follow the orbit: neither straight lines nor great
circles, either of which leaves the swath between two vertices. So a ring is taken into the
orbit's own coordinates, where straight edges are the true ones, points are put in where a planar
map needs them, and the way back gives a footprint that planar tools (shapely, GeoPandas, STAC
Browser) read rightly. Rings across ±180 are split there (RFC 7946, section 3.1.9).

A page of records is drawn at once: one by one they would take several times as long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from catalog_builder import orbit
from catalog_builder.area import Area
from catalog_builder.catalog.outline import Outline
from catalog_builder.catalog.rings import Rings
from catalog_builder.errors import FootprintError
from catalog_builder.window import Box

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Shape = Polygon | MultiPolygon
Shapes = NDArray[np.object_]

TOLERANCE: Final = 0.001
"""Degrees of arc, 110 m: how far a drawn edge may lie from the true one. The swath goes on for
3 km beyond the outer beams."""

FARTHEST: Final = 5.0
"""Degrees of arc that a ring may lie off its track: ATLAS points at most some degrees aside."""

_DIGITS: Final = 5
"""Decimals kept, as in NASA's records: 1.1 m."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """A granule's place on Earth."""

    geometry: dict[str, Any]
    """GeoJSON Polygon or MultiPolygon, exteriors counter-clockwise, split at ±180."""
    bbox: Box
    """West, south, east, north, degrees; west is greater than east where it crosses ±180."""
    shape: Shape = field(repr=False, compare=False)
    """The same geometry, for shapely."""

    def meets(self, box: Box) -> bool:
        """Whether it shares a point with a box; west > east crosses ±180."""
        return bool(Area.of_box(box).meets(np.array([self.shape]))[0])


def draw(outlines: Sequence[Outline]) -> list[Footprint | FootprintError]:
    """Footprint of each outline, or why it has none: each as if it were alone."""
    sieve = _Sieve(outlines)
    _check_on_earth(sieve)
    _into_orbit(sieve)
    _check_ribbons(sieve)
    drawn: list[Footprint | FootprintError | None] = [None] * len(outlines)
    if len(sieve.rings):
        for place, one in zip(sieve.places.tolist(), _footprints(sieve), strict=True):
            drawn[place] = one
    for place, reason in sieve.refused.items():
        drawn[place] = FootprintError(reason)
    return [one for one in drawn if one is not None]


def footprint(outline: Outline) -> Footprint:
    """Footprint of one outline; raises :class:`~catalog_builder.errors.FootprintError`."""
    (drawn,) = draw([outline])
    if isinstance(drawn, FootprintError):
        raise drawn
    return drawn


class _Sieve:
    """Rings that are still to be drawn, and those that cannot be."""

    def __init__(self, outlines: Sequence[Outline]) -> None:
        self.rings = Rings.of([one.x for one in outlines], [one.y for one in outlines])
        self.near = np.array([one.near for one in outlines], dtype=np.float64)
        self.nodes = np.array(
            [np.nan if one.node is None else one.node for one in outlines], dtype=np.float64
        )
        """NaN while it is not known: then the ring is in degrees on Earth, else in orbit
        coordinates."""
        self.places = np.arange(len(outlines))
        """Of which outline each ring is."""
        self.refused: dict[int, str] = {}
        """Why others have no footprint, by the place of the outline."""
        self.refuse(self.rings.counts == 0, lambda _: _too_few(0))

    def refuse(self, bad: Mask, reason: Callable[[int], str]) -> None:
        """Take rings out; ``reason`` says why, of each by its number."""
        if not bad.any():
            return
        for number in np.flatnonzero(bad).tolist():
            self.refused[int(self.places[number])] = reason(number)
        self.rings = self.rings.kept(~bad)
        self.near, self.nodes = self.near[~bad], self.nodes[~bad]
        self.places = self.places[~bad]

    def vertices(self, number: int) -> tuple[Floats, Floats]:
        """Those of one ring."""
        of = self.rings.owner == number
        return self.rings.x[of], self.rings.y[of]


def _too_few(count: int) -> str:
    return f"The ring has {count} distinct vertices; it takes at least 3."


def _check_on_earth(sieve: _Sieve) -> None:
    """Refuse rings that are nowhere, or no rings."""
    rings = sieve.rings
    sieve.refuse(
        rings.any(~(np.isfinite(rings.x) & np.isfinite(rings.y))),
        lambda _: "The ring holds a coordinate that is not a number.",
    )

    def left(number: int) -> str:
        lon, lat = sieve.vertices(number)
        return (
            "The ring leaves the Earth: "
            f"longitudes {lon.min()} to {lon.max()}, latitudes {lat.min()} to {lat.max()}."
        )

    rings = sieve.rings
    unplaced = np.isnan(sieve.nodes)
    sieve.refuse(unplaced & rings.any((np.abs(rings.y) > 90) | (np.abs(rings.x) > 360)), left)
    rings = sieve.rings.distinct(period=360.0)
    sieve.refuse(rings.counts < 3, lambda number: _too_few(int(rings.counts[number])))
    sieve.rings = rings.kept(rings.counts >= 3)


def _into_orbit(sieve: _Sieve) -> None:
    """Take the rings that are not yet in orbit coordinates there."""
    unplaced = np.isnan(sieve.nodes)
    if not unplaced.any():
        return
    rings, near = sieve.rings, sieve.near
    vertices = unplaced[rings.owner]
    some = rings.kept(unplaced)
    sieve.nodes[unplaced], u = orbit.find_nodes(some.x, some.y, near[unplaced], some.starts)
    x, y = rings.x.copy(), rings.y.copy()
    x[vertices], y[vertices] = orbit.to_orbit(
        some.x, some.y, sieve.nodes[rings.owner[vertices]], u, steps=4
    )
    sieve.rings = Rings(x, y, rings.counts)

    def lost(number: int) -> str:
        _, cross = sieve.vertices(number)
        return f"The ring lies up to {np.abs(cross).max():.1f} degrees off any ICESat-2 track."

    sieve.refuse(sieve.rings.any(np.abs(sieve.rings.y) > FARTHEST), lost)


def _check_ribbons(sieve: _Sieve) -> None:
    """Refuse rings that cross themselves or have no area."""
    ribbons = sieve.rings.closed().polygons()
    sieve.refuse(
        ~shapely.is_valid(ribbons) | (shapely.area(ribbons) == 0),
        lambda n: f"The ring is no simple polygon: {shapely.is_valid_reason(ribbons[n])}.",
    )


def _footprints(sieve: _Sieve) -> Iterator[Footprint | FootprintError]:
    """The footprints of rings in orbit coordinates."""
    rings = _counter_clockwise(_mapped(sieve.rings.closed(), sieve.nodes))
    whole, corners = _drawn(rings)
    bounds = shapely.bounds(whole)
    crosses = bounds[:, 2] > 180.0
    split = dict(zip(np.flatnonzero(crosses).tolist(), _cut_all(rings, crosses), strict=True))
    valid = shapely.is_valid(whole).tolist()
    for number, (west, south, east, north) in enumerate(bounds.tolist()):
        box = west, south, east if east <= 180.0 else round(east - 360.0, _DIGITS), north
        cut = split.get(number)
        if not valid[number] or (number in split and cut is None):
            try:
                shape = shapely.orient_polygons(_split(_valid(whole[number])))
            except FootprintError as error:
                yield error
            else:
                yield Footprint(geometry=as_geojson(shape), bbox=box, shape=shape)
        elif cut is not None:
            shape, parts = cut
            geometry: dict[str, Any] = {"type": "MultiPolygon", "coordinates": parts}
            yield Footprint(geometry=geometry, bbox=box, shape=shape)
        else:
            geometry = {"type": "Polygon", "coordinates": [corners[number]]}
            yield Footprint(geometry=geometry, bbox=box, shape=whole[number])


def _drawn(rings: Rings) -> tuple[Shapes, list[list[list[float]]]]:
    """Polygons of closed rings, and the positions of each."""
    flat = np.column_stack((rings.x, rings.y)).tolist()
    starts, counts = rings.starts.tolist(), rings.counts.tolist()
    corners = [flat[n : n + count] for n, count in zip(starts, counts, strict=True)]
    return rings.polygons(), corners


def _counter_clockwise(rings: Rings) -> Rings:
    """Closed rings, those turned round that go clockwise."""
    x, y = rings.x, rings.y
    twice = np.add.reduceat((x[rings.before] - x) * (y + y[rings.before]), rings.starts)
    turned = twice < 0
    if not turned.any():
        return rings
    place = np.arange(len(x))
    mirrored = (2 * rings.starts + rings.counts - 1)[rings.owner] - place
    order = np.where(turned[rings.owner], mirrored, place)
    return Rings(x[order], y[order], rings.counts)


def _cut_all(
    rings: Rings, which: Mask
) -> list[tuple[MultiPolygon, list[list[list[list[float]]]]] | None]:
    """Some rings, cut at 180: their shapes and GeoJSON coordinates.

    None for one that crosses it otherwise than once there and once back.
    """
    halves = [
        _cut(rings.x[first : first + count], rings.y[first : first + count])
        for first, count in zip(rings.starts[which], rings.counts[which], strict=True)
    ]
    sides = [side for pair in halves if pair is not None for side in pair]
    if not sides:
        return [None] * len(halves)
    polygons, corners = _drawn(Rings.of([one[0] for one in sides], [one[1] for one in sides]))
    whole: Any = shapely.multipolygons(polygons, indices=np.arange(len(sides)) // 2)
    valid: Any = shapely.is_valid(whole)
    found: list[tuple[MultiPolygon, list[list[list[list[float]]]]] | None] = []
    number = 0
    for pair in halves:
        if pair is None:
            found.append(None)
            continue
        parts = [[corners[2 * number]], [corners[2 * number + 1]]]
        found.append((whole[number], parts) if valid[number] else None)
        number += 1
    return found


def _cut(lon: Floats, lat: Floats) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]] | None:
    """A closed ring that crosses longitude 180 as two, first the one before it."""
    beyond = lon > 180.0
    edges = np.flatnonzero(beyond[:-1] != beyond[1:])
    if len(edges) != 2 or (lon == 180.0).any():
        return None
    share = (180.0 - lon[edges]) / (lon[edges + 1] - lon[edges])
    at = (lat[edges] + share * (lat[edges + 1] - lat[edges])).round(_DIGITS)
    if at[0] == at[1]:
        return None
    first, second = edges + 1
    inner = slice(first, second)
    ends = np.array([180.0, 180.0, 180.0]), np.array([at[0], at[1], at[0]])
    x = np.concatenate((ends[0][:1], lon[inner], ends[0][1:]))
    y = np.concatenate((ends[1][:1], lat[inner], ends[1][1:]))
    outer_x = np.concatenate((ends[0][:1], lon[second:-1], lon[:first], ends[0][1:]))
    outer_y = np.concatenate(([at[1]], lat[second:-1], lat[:first], [at[0], at[1]]))
    if beyond[first]:
        return (outer_x, outer_y), ((x - 360.0).round(_DIGITS), y)
    return (x, y), ((outer_x - 360.0).round(_DIGITS), outer_y)


def _mapped(ribbons: Rings, nodes: Floats) -> Rings:
    """Closed rings in orbit coordinates, drawn as longitudes and latitudes.

    Longitudes go on where a ring crosses ±180, and begin in -180 to 180.
    """
    lon, lat, counts = _densified(ribbons, nodes)
    rings = Rings(lon, lat, counts)
    steps = np.diff(lon, prepend=lon[:1])
    steps[rings.starts] = 0.0
    turns = np.cumsum(np.rint((steps - _half_turn(steps)) / 360.0))
    lon = lon - 360.0 * (turns - turns[rings.starts][rings.owner])
    first = np.floor((rings.min(lon).round(_DIGITS) + 180.0) / 360.0)
    lon = (lon - 360.0 * first[rings.owner]).round(_DIGITS)
    return Rings(lon, lat.round(_DIGITS), counts)


def _densified(ribbons: Rings, nodes: Floats) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """Longitudes, latitudes and counts of closed rings given in orbit coordinates.

    Points are put in until no edge strays from the map's straight line.
    """
    owner = ribbons.owner
    lon, lat = orbit.from_orbit(ribbons.x, ribbons.y, nodes[owner])
    # What is known of a point: place along all rings, orbit coordinates, position.
    points = np.stack((np.arange(len(lon), dtype=np.float64), ribbons.x, ribbons.y, lon, lat))
    first = np.flatnonzero(owner[:-1] == owner[1:])
    begin, end, node = points[:, first], points[:, first + 1], nodes[owner[first]]
    found = [points]
    while begin.shape[1]:
        place, u, cross = (begin[:3] + end[:3]) / 2
        lon, lat = orbit.from_orbit(u, cross, node)
        step = _half_turn(end[3] - begin[3])
        aside = _half_turn(lon - begin[3]) - step / 2
        above = lat - (begin[4] + end[4]) / 2
        stray = np.hypot(aside * np.cos(np.radians(lat)), above)
        middle = np.stack((place, u, cross, lon, lat))
        found.append(middle[:, stray > TOLERANCE])
        # Half an edge strays a quarter as far: what strays less than this is good when halved.
        bent = stray > 3 * TOLERANCE
        begin, end = (
            np.concatenate((begin[:, bent], middle[:, bent]), axis=1),
            np.concatenate((middle[:, bent], end[:, bent]), axis=1),
        )
        node = np.tile(node[bent], 2)
    every = np.concatenate(found, axis=1)
    every = every[:, np.argsort(every[0], kind="stable")]
    ends = np.cumsum(ribbons.counts) - 1
    counts = np.diff(np.searchsorted(every[0], ends, side="right"), prepend=0)
    return every[3], every[4], counts


def _split(shape: Shape) -> Shape:
    """The shape, whose longitudes begin in -180 to 180 and may go on beyond, split at 180."""
    if shape.bounds[2] <= 180.0:
        return shape
    before = shape.intersection(shapely.box(-180.0, -90.0, 180.0, 90.0))
    beyond = shape.intersection(shapely.box(180.0, -90.0, 540.0, 90.0))
    beyond = shapely.transform(beyond, lambda points: points - (360.0, 0.0))
    parts = [*_polygons(before), *_polygons(beyond)]
    return shapely.set_precision(MultiPolygon(parts), 10.0**-_DIGITS)


def _polygons(shape: BaseGeometry) -> list[Polygon]:
    """The polygons of a shape, without the lines and points where it only touches a border."""
    parts = getattr(shape, "geoms", [shape])
    return [part for part in parts if isinstance(part, Polygon) and part.area > 0]


def _valid(polygon: Polygon) -> Shape:
    """The polygon itself, or mended where rounding made neighbouring edges touch."""
    if polygon.is_valid:
        return polygon
    mended = shapely.make_valid(polygon, method="structure", keep_collapsed=False)
    if mended.is_empty or not isinstance(mended, (Polygon, MultiPolygon)):
        raise FootprintError(f"The ring is no polygon: {shapely.is_valid_reason(polygon)}.")
    return mended


def _half_turn(degrees: Floats) -> Floats:
    """Differences of longitude, taken the short way: -180 to 180."""
    return (degrees + 180.0) % 360.0 - 180.0


def as_geojson(shape: Shape) -> dict[str, Any]:
    """GeoJSON with lists, as JSON reads it back."""
    parts = [
        [shapely.get_coordinates(ring).tolist() for ring in (part.exterior, *part.interiors)]
        for part in shapely.get_parts(shape)
    ]
    if isinstance(shape, Polygon):
        return {"type": "Polygon", "coordinates": parts[0]}
    return {"type": "MultiPolygon", "coordinates": parts}
