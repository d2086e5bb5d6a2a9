"""Many rings at once: their vertices one after the other in flat arrays.

A catalog holds half a million footprints, and numpy takes as long for one small ring as for a
hundred; so what is done to rings is done to thousands of them together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import shapely
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class RaggedRings:
    """Rings of at least one vertex each, open or closed as their maker says."""

    x: Floats
    """First coordinate of all vertices, shape (n,)."""
    y: Floats
    """Second coordinate, shape (n,)."""
    counts: Ints
    """Vertices of each ring, shape (rings,)."""

    @classmethod
    def of(cls, x: Sequence[Floats], y: Sequence[Floats]) -> Self:
        """Rings given one by one."""
        counts = np.fromiter(map(len, x), dtype=np.intp, count=len(x))
        return cls(np.concatenate([*x, []]), np.concatenate([*y, []]), counts)

    def __len__(self) -> int:
        return len(self.counts)

    @cached_property
    def starts(self) -> Ints:
        """First vertex of each ring."""
        return np.cumsum(self.counts) - self.counts

    @cached_property
    def owner(self) -> Ints:
        """Ring of each vertex."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    @cached_property
    def before(self) -> Ints:
        """Vertex before each vertex; before a ring's first comes its last."""
        found = np.arange(len(self.x)) - 1
        found[self.starts] += self.counts
        return found

    def any(self, of_vertices: Mask) -> Mask:
        """Which rings have a vertex of which this holds."""
        return np.logical_or.reduceat(of_vertices, self.starts) if len(self) else np.zeros(0, bool)

    def min(self, of_vertices: Floats) -> Floats:
        """Smallest of the values at each ring's vertices."""
        return np.minimum.reduceat(of_vertices, self.starts) if len(self) else np.zeros(0)

    def max(self, of_vertices: Floats) -> Floats:
        """Largest of the values at each ring's vertices."""
        return np.maximum.reduceat(of_vertices, self.starts) if len(self) else np.zeros(0)

    def kept(self, rings: Mask) -> RaggedRings:
        """Some of the rings."""
        vertices = rings[self.owner]
        return RaggedRings(self.x[vertices], self.y[vertices], self.counts[rings])

    def only(self, vertices: Mask, rings: Mask) -> RaggedRings:
        """Some of the vertices, which are of some of the rings."""
        counts = (
            np.add.reduceat(vertices, self.starts, dtype=np.intp) if len(self) else self.counts
        )
        return RaggedRings(self.x[vertices], self.y[vertices], counts[rings])

    def distinct(self, *, period: float | Floats) -> RaggedRings:
        """Without the vertices that repeat the one before, closing ones included.

        ``x`` is the same after each period: one for all rings, or one a ring. A ring that is one
        point keeps none of its vertices.
        """
        each = np.broadcast_to(period, len(self))[self.owner]
        moved = ((self.x - self.x[self.before]) % each != 0) | (self.y != self.y[self.before])
        counts = np.bincount(self.owner[moved], minlength=len(self))
        return RaggedRings(self.x[moved], self.y[moved], counts)

    def closed(self) -> RaggedRings:
        """With the first vertex of each ring again at its end."""
        ends = self.starts + self.counts
        x = np.insert(self.x, ends, self.x[self.starts])
        y = np.insert(self.y, ends, self.y[self.starts])
        return RaggedRings(x, y, self.counts + 1)

    def counter_clockwise(self) -> RaggedRings:
        """Closed rings, those turned round that go clockwise."""
        x, y = self.x, self.y
        twice = np.add.reduceat((x[self.before] - x) * (y + y[self.before]), self.starts)
        turned = twice < 0
        if not turned.any():
            return self
        place = np.arange(len(x))
        mirrored = (2 * self.starts + self.counts - 1)[self.owner] - place
        order = np.where(turned[self.owner], mirrored, place)
        return RaggedRings(x[order], y[order], self.counts)

    @cached_property
    def positions(self) -> Floats:
        """Both coordinates of all vertices, shape (n, 2)."""
        return np.column_stack((self.x, self.y))

    def corners(self) -> list[Floats]:
        """Positions of each ring's vertices, shape (vertices, 2)."""
        firsts, ends = self.starts.tolist(), (self.starts + self.counts).tolist()
        return [self.positions[first:end] for first, end in zip(firsts, ends, strict=True)]

    def polygons(self) -> NDArray[np.object_]:
        """A polygon of each closed ring."""
        ends = np.append(self.starts, len(self.x))
        every = np.arange(len(self) + 1)
        polygon = shapely.GeometryType.POLYGON
        return np.asarray(shapely.from_ragged_array(polygon, self.positions, (ends, every)))
