"""Densifies rings: from orbit coordinates to a map, with the vertices that a map needs.

A straight edge of a ring is bent on a map of longitudes and latitudes, so points are put in
until the map's straight lines stray from it by no more than :data:`TOLERANCE`. How close they must
lie depends, along the track, on the argument of latitude alone: some degrees apart near the
equator, an eighth of a degree at the turns. A table made once has these distances; how many points
an edge needs that does not follow the track is found by trial.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from catalog_builder.catalog.footprint.ragged_rings import RaggedRings
from catalog_builder.geo import orbit

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

TOLERANCE: Final = 0.001
"""Degrees of arc, 110 m: how far a drawn edge may lie from the true one. The swath extends 3 km
beyond the outer beams."""

DIGITS: Final = 5
"""Decimals kept, as in NASA's records: 1.1 m."""

_SIMPLIFIED: Final = 0.05 * TOLERANCE
"""How far a vertex that is left out may lie from the ring's edge, degrees of arc: 6 m."""

_BENT: Final = 0.92 * TOLERANCE
"""How far the map's line may then lie from that edge. The rest is for rounding, and for what the
table of spacing is off."""

_TABLE_STEP: Final = 0.1
"""Degrees of flight between the entries of the table of spacing."""

_LEAST_DENSE: Final = 0.15
"""Pieces a degree of flight, at least: at the equator, where the bend changes its sign, a piece
as long as the bend there allows would stray further on."""

_TABLE_ACROSS: Final = 0.1
"""Degrees from the track up to which the table holds: twice the half width of a swath."""

_TABLE_SLOPE: Final = 0.0005
"""Degrees across track for each degree of flight up to which the table holds."""


def simplified(rings: RaggedRings) -> RaggedRings:
    """Closed rings without the vertices that lie on the line between others."""
    lines: Any = shapely.linearrings(rings.x, rings.y, indices=rings.owner)
    fewer: Any = shapely.simplify(lines, _SIMPLIFIED, preserve_topology=False)
    counts = shapely.get_num_coordinates(fewer)
    fewer = np.where(counts < 4, lines, fewer)  # a ring so narrow that it would be a line
    x, y = shapely.get_coordinates(fewer).T
    return RaggedRings(
        x.copy(), y.copy(), np.asarray(shapely.get_num_coordinates(fewer), dtype=np.intp)
    )


def densify(rings: RaggedRings, nodes: Floats) -> RaggedRings:
    """Closed rings in orbit coordinates, drawn as closed rings of longitudes and latitudes.

    Counter-clockwise and rounded. Longitudes go on where a ring crosses ±180, and begin in -180
    to 180. ``nodes`` are the longitudes of the ascending nodes, degrees, one a ring.
    """
    drawn = _densified(rings)
    lon, lat = orbit.from_orbit(drawn.x, drawn.y, nodes[drawn.owner])
    steps = np.diff(lon, prepend=lon[:1])
    steps[drawn.starts] = 0.0
    turns = np.cumsum(np.rint(steps / 360.0))
    lon -= 360.0 * (turns - turns[drawn.starts][drawn.owner])
    first = np.floor((drawn.min(lon).round(DIGITS) + 180.0) / 360.0)
    lon = (lon - 360.0 * first[drawn.owner]).round(DIGITS)
    return RaggedRings(lon, lat.round(DIGITS), drawn.counts).counter_clockwise()


def _densified(rings: RaggedRings) -> RaggedRings:
    """Closed rings in orbit coordinates, with the points that a map needs."""
    edges = _Edges(rings)
    pieces = edges.pieces()
    every = np.repeat(np.arange(len(pieces)), pieces)
    number = np.arange(len(every)) - (np.cumsum(pieces) - pieces)[every]
    u, cross = edges.at(every, number / pieces[every])
    return RaggedRings(u, cross, np.add.reduceat(pieces, rings.starts))


class _Edges:
    """The edges of closed rings: one from each vertex to the next, from the last to itself."""

    def __init__(self, rings: RaggedRings) -> None:
        last = rings.starts + rings.counts - 1
        following = np.arange(1, len(rings.x) + 1)
        following[last] = last
        self.u, self.cross = rings.x, rings.y
        self.along = rings.x[following] - rings.x
        """Degrees of flight from begin to end."""
        self.across = rings.y[following] - rings.y
        """Degrees across track, likewise."""
        self.dense = _pieces_before(rings.x)
        """Pieces of map from the node to the begin, were it on the track."""
        self.count = self.dense[following] - self.dense
        """Pieces of map from begin to end, were they on the track; negative against the flight."""
        slope = np.abs(self.across) <= _TABLE_SLOPE * np.abs(self.along)
        near = np.abs(self.cross) <= _TABLE_ACROSS
        self.on_track = slope & near & near[following]
        """Those of which the table says how many pieces they take."""

    def pieces(self) -> Ints:
        """Into how many straight pieces of map each must be cut."""
        pieces = np.ceil(np.abs(self.count)).clip(1.0)
        tried = np.flatnonzero(~self.on_track)
        while len(tried):
            stray = self._farthest(tried, pieces[tried].astype(np.intp)) / _BENT
            tried, stray = tried[stray > 1.0], stray[stray > 1.0]
            # What a piece strays falls with the square of its length.
            pieces[tried] = np.ceil(pieces[tried] * np.sqrt(stray))
        return pieces.astype(np.intp)

    def at(self, edges: Ints, share: Floats) -> tuple[Floats, Floats]:
        """Orbit coordinates of points on edges, where a share of the edge's pieces lies behind.

        ``edges`` are the numbers of the points' edges.
        """
        u, along = self.u[edges], self.along[edges]
        flown = _flown_after(self.dense[edges] + share * self.count[edges]) - u
        # An edge across the track has no length along it to measure by.
        steep = np.abs(along) <= np.abs(self.across[edges])
        np.divide(flown, along, out=share, where=~steep & (share > 0.0))
        return u + share * along, self.cross[edges] + share * self.across[edges]

    def _farthest(self, edges: Ints, pieces: Ints) -> Floats:
        """Degrees of arc that the map's lines stray from edges cut into pieces, at most.

        Measured in the middle of each piece.
        """
        points = 2 * pieces + 1  # begin, middle, end and middle, ..., end
        first = np.cumsum(points) - points
        owner = np.repeat(np.arange(len(edges)), points)
        number = np.arange(len(owner)) - first[owner]
        u, cross = self.at(edges[owner], number / (2 * pieces)[owner])
        position = np.stack(orbit.from_orbit(u, cross, 0.0))
        middle = np.flatnonzero(number % 2)
        stray = _stray(position[:, middle - 1], position[:, middle], position[:, middle + 1])
        return np.maximum.reduceat(stray, np.cumsum(pieces) - pieces)


def _stray(begin: Floats, middle: Floats, end: Floats) -> Floats:
    """Degrees of arc from points to the map's straight lines past them, at right angles.

    All are longitudes and latitudes, shape (2, n); each line is short, and its middle is near.
    """
    east, north = end - begin
    beside, above = middle - begin
    east = east - 360.0 * np.rint(east / 360.0)
    beside = beside - 360.0 * np.rint((beside - east / 2) / 360.0)
    shrunk = np.cos(np.radians(middle[1]))
    length = np.hypot(east * shrunk, north)
    area = np.abs(beside * north - above * east) * shrunk
    stray: Floats = np.divide(area, length, out=np.zeros_like(area), where=length > 0.0)
    return stray


def _pieces_before(u: Floats) -> Floats:
    """Pieces of map that the track takes from the node to arguments of latitude."""
    flown, pieces = _spacing()
    turns = np.floor(u / 360.0)
    before: Floats = turns * pieces[-1] + np.interp(u - 360.0 * turns, flown, pieces)
    return before


def _flown_after(count: Floats) -> Floats:
    """Arguments of latitude at which the track has taken as many pieces since the node."""
    flown, pieces = _spacing()
    turns = np.floor(count / pieces[-1])
    u: Floats = 360.0 * turns + np.interp(count - pieces[-1] * turns, pieces, flown)
    return u


@cache
def _spacing() -> tuple[Floats, Floats]:
    """Arguments of latitude, 0 to 360, and how many pieces of map the track takes until there.

    Each piece strays by :data:`_BENT`, were it drawn from the end of the one before.
    """
    flown = np.linspace(0.0, 360.0, round(360.0 / _TABLE_STEP) + 1)
    middle = (flown[1:] + flown[:-1]) / 2
    length = 2 * _TABLE_STEP
    stray = np.zeros_like(middle)
    for cross in (-_TABLE_ACROSS, 0.0, _TABLE_ACROSS):
        begin, at, end = (
            np.stack(orbit.from_orbit(middle + offset, cross, 0.0))
            for offset in (-length / 2, 0.0, length / 2)
        )
        stray = np.maximum(stray, _stray(begin, at, end))
    dense = np.maximum(np.sqrt(stray / _BENT) / length, _LEAST_DENSE)
    return flown, np.concatenate(([0.0], np.cumsum(dense * _TABLE_STEP)))
