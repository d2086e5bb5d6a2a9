"""Densifies rings: converts them from orbit coordinates to a map, with the vertices it needs.

An edge that is straight in orbit coordinates is curved on a map of longitudes and latitudes.
Vertices are added until the map's straight lines lie within :data:`TOLERANCE` of it. Their spacing
along the track depends on the argument of latitude alone: some degrees near the equator, an eighth
of a degree at the northern and southern turns. It is read from a table that is made once; for
edges that do not follow the track it is found by trial.
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
"""Degrees of arc, 110 m: how far an edge on the map may lie from the true one. The swath extends
3 km beyond the outer beams."""

DIGITS: Final = 5
"""Decimals kept, as in NASA's records: 1.1 m."""

_SIMPLIFIED: Final = 0.05 * TOLERANCE
"""How far a vertex that is left out may lie from the ring's edge, degrees of arc: 6 m."""

_DEVIATION: Final = 0.92 * TOLERANCE
"""How far a straight line on the map may then lie from that edge. The rest is a margin for
rounding and for the error of the table of spacing."""

_TABLE_STEP: Final = 0.1
"""Degrees along the orbit between the entries of the table of spacing."""

_LEAST_DENSE: Final = 0.15
"""Least number of pieces per degree along the orbit. At the equator the curvature changes its
sign: a piece as long as the curvature there allows would leave the tolerance further on."""

_TABLE_CROSS: Final = 0.1
"""Degrees across track for which the table holds: twice those of a swath's edge."""

_TABLE_SLOPE: Final = 0.0005
"""Degrees across track per degree along the orbit for which the table holds."""


def simplified(rings: RaggedRings) -> RaggedRings:
    """Closed rings without the vertices that lie on the line between their neighbours."""
    lines: Any = shapely.linearrings(rings.x, rings.y, indices=rings.owner)
    fewer: Any = shapely.simplify(lines, _SIMPLIFIED, preserve_topology=False)
    counts = shapely.get_num_coordinates(fewer)
    fewer = np.where(counts < 4, lines, fewer)  # a ring so narrow that it would become a line
    x, y = shapely.get_coordinates(fewer).T
    return RaggedRings(
        x.copy(), y.copy(), np.asarray(shapely.get_num_coordinates(fewer), dtype=np.intp)
    )


def densify(rings: RaggedRings, nodes: Floats) -> RaggedRings:
    """Convert closed rings in orbit coordinates to closed rings of longitudes and latitudes.

    They are counter-clockwise and rounded. A ring's longitudes start within -180 to 180 and pass
    180 where it crosses ±180. ``nodes`` are the longitudes of the ascending nodes, degrees, one a
    ring.
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
    """Closed rings in orbit coordinates, with the vertices that a map needs."""
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
        """Degrees along the orbit from begin to end."""
        self.across = rings.y[following] - rings.y
        """Degrees across track from begin to end."""
        self.dense = _pieces_before(rings.x)
        """Number of pieces that the track takes from the node to the begin."""
        self.count = self.dense[following] - self.dense
        """Number of pieces that the track takes from begin to end; negative against the flight."""
        slope = np.abs(self.across) <= _TABLE_SLOPE * np.abs(self.along)
        near = np.abs(self.cross) <= _TABLE_CROSS
        self.on_track = slope & near & near[following]
        """Edges whose number of pieces is read from the table."""

    def pieces(self) -> Ints:
        """Number of straight pieces on the map into which each edge must be cut."""
        pieces = np.ceil(np.abs(self.count)).clip(1.0)
        tried = np.flatnonzero(~self.on_track)
        while len(tried):
            deviation = self._farthest(tried, pieces[tried].astype(np.intp)) / _DEVIATION
            tried, deviation = tried[deviation > 1.0], deviation[deviation > 1.0]
            # The deviation of a piece falls with the square of its length.
            pieces[tried] = np.ceil(pieces[tried] * np.sqrt(deviation))
        return pieces.astype(np.intp)

    def at(self, edges: Ints, share: Floats) -> tuple[Floats, Floats]:
        """Orbit coordinates of points on edges.

        ``edges`` are the numbers of the points' edges; ``share`` is the share of an edge's pieces
        that lie between its begin and the point.
        """
        u, along = self.u[edges], self.along[edges]
        flown = _flown_after(self.dense[edges] + share * self.count[edges]) - u
        # An edge across the track is too short along it to measure by.
        crosses = np.abs(along) <= np.abs(self.across[edges])
        np.divide(flown, along, out=share, where=~crosses & (share > 0.0))
        return u + share * along, self.cross[edges] + share * self.across[edges]

    def _farthest(self, edges: Ints, pieces: Ints) -> Floats:
        """The most degrees of arc between edges, cut into pieces, and the map's straight lines.

        Measured in the middle of each piece.
        """
        points = 2 * pieces + 1  # begin, middle, end and middle, ..., end
        first = np.cumsum(points) - points
        owner = np.repeat(np.arange(len(edges)), points)
        number = np.arange(len(owner)) - first[owner]
        u, cross = self.at(edges[owner], number / (2 * pieces)[owner])
        position = np.stack(orbit.from_orbit(u, cross, 0.0))
        middle = np.flatnonzero(number % 2)
        deviation = _deviation(
            position[:, middle - 1], position[:, middle], position[:, middle + 1]
        )
        return np.maximum.reduceat(deviation, np.cumsum(pieces) - pieces)


def _deviation(begin: Floats, middle: Floats, end: Floats) -> Floats:
    """Distances of points, degrees of arc, from the map's straight lines that pass near them.

    All are longitudes and latitudes, shape (2, n); each line is short, its middle near the point.
    """
    east, north = end - begin
    right, above = middle - begin
    east = east - 360.0 * np.rint(east / 360.0)
    right = right - 360.0 * np.rint((right - east / 2) / 360.0)
    shrunk = np.cos(np.radians(middle[1]))
    length = np.hypot(east * shrunk, north)
    area = np.abs(right * north - above * east) * shrunk
    deviation: Floats = np.divide(area, length, out=np.zeros_like(area), where=length > 0.0)
    return deviation


def _pieces_before(u: Floats) -> Floats:
    """Number of pieces that the track takes from the node to arguments of latitude."""
    flown, pieces = _spacing()
    turns = np.floor(u / 360.0)
    before: Floats = turns * pieces[-1] + np.interp(u - 360.0 * turns, flown, pieces)
    return before


def _flown_after(count: Floats) -> Floats:
    """Arguments of latitude that the track reaches ``count`` pieces after the node."""
    flown, pieces = _spacing()
    turns = np.floor(count / pieces[-1])
    u: Floats = 360.0 * turns + np.interp(count - pieces[-1] * turns, pieces, flown)
    return u


@cache
def _spacing() -> tuple[Floats, Floats]:
    """Arguments of latitude, 0 to 360, and the number of pieces that the track takes up to each.

    Each piece starts where the one before ends, and lies :data:`_DEVIATION` off the track at most.
    """
    flown = np.linspace(0.0, 360.0, round(360.0 / _TABLE_STEP) + 1)
    middle = (flown[1:] + flown[:-1]) / 2
    length = 2 * _TABLE_STEP
    deviation = np.zeros_like(middle)
    for cross in (-_TABLE_CROSS, 0.0, _TABLE_CROSS):
        begin, at, end = (
            np.stack(orbit.from_orbit(middle + offset, cross, 0.0))
            for offset in (-length / 2, 0.0, length / 2)
        )
        deviation = np.maximum(deviation, _deviation(begin, at, end))
    dense = np.maximum(np.sqrt(deviation / _DEVIATION) / length, _LEAST_DENSE)
    return flown, np.concatenate(([0.0], np.cumsum(dense * _TABLE_STEP)))
