"""How much of a chunk is read: its beginning, where the rest is flown beyond a selection.

Photons of a chunk lie in the order of flight, and a deflated chunk inflates from its beginning on.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.read.row_slices import Ints, RowSlices
from catalog_builder.beams.read.selection import Selection
from catalog_builder.beams.references.chunk_positions import ChunkPositions

Floats = NDArray[np.float64]

_STEPS: Final = 16
"""Into which a chunk is divided, to see from where on it is beyond a selection."""

_UNEVEN: Final = 1.15, 0.03
"""Photons do not lie evenly: so many times the share, and so much of the chunk, are read."""

_LAST: Final = 8
"""Photons at the end of what was read that must all lie before a rest that is not near."""

_ROUNDED: Final = 3e-5
"""Degrees by which the ends of a chunk may miss the sides of its box."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChunkRests:
    """Chunks of which the beginning is read, and where the rest of each ends."""

    rows: RowSlices
    """The last photons that are read of each chunk."""
    lon: Floats
    """Degrees east, of each of these photons' chunk's end."""
    lat: Floats
    """Degrees north of it."""
    seconds: Floats
    """Its ``delta_time``."""

    @classmethod
    def of(cls, positions: ChunkPositions, chunks: Ints, stops: Ints) -> ChunkRests:
        """Of these chunks, which are read up to the rows ``stops``."""
        edges = positions.edges
        starts = np.maximum(stops - _LAST, edges[chunks])
        each = np.repeat(chunks, stops - starts)
        return cls(
            rows=RowSlices(start=starts, stop=stops),
            lon=positions.last_lon[each],
            lat=positions.last_lat[each],
            seconds=positions.end[each],
        )

    def near(self, selection: Selection, lon: Floats, lat: Floats, seconds: Floats) -> bool:
        """Whether a rest may hold photons of a selection, by the place and time of ``rows``."""
        if not np.isfinite(lon + lat + seconds).all():
            return True
        return bool(
            _near(selection, (lon, lat, seconds), (self.lon, self.lat, self.seconds)).any()
        )


def needed_rows(positions: ChunkPositions, selection: Selection, chunks: Ints) -> Ints:
    """How many photons of each of these chunks lead beyond a selection, if they lie evenly.

    All of them where the rest may be near, or the chunk is not flown straight on.
    """
    arrays: dict[str, Any] = {
        field.name: values[chunks]
        for field in fields(positions)
        if isinstance(values := getattr(positions, field.name), np.ndarray)
    }
    some = replace(positions, **arrays)
    along = np.arange(1, _STEPS) / _STEPS
    turned = _turned(some.first_lon, some.last_lon)

    def between(first: Floats, way: Floats) -> Floats:
        places: Floats = first[:, None] + along * way[:, None]
        return places.ravel()

    lon = (between(some.first_lon, turned) + 180.0) % 360.0 - 180.0
    lat = between(some.first_lat, some.last_lat - some.first_lat)
    seconds = between(some.start, some.end - some.start)
    ends = (np.repeat(one, _STEPS - 1) for one in (some.last_lon, some.last_lat, some.end))
    near = _near(selection, (lon, lat, seconds), tuple(ends)).reshape(len(chunks), -1)
    # A rest lies within those that begin before it.
    share = (near.sum(axis=1) + 1) / _STEPS * _UNEVEN[0] + _UNEVEN[1]
    edges = positions.edges
    photons = edges[chunks + 1] - edges[chunks]
    rows = np.ceil(np.minimum(share, 1.0) * photons).astype(np.int64)
    return np.where(near.all(axis=1) | ~_straight(some), photons, rows)


def _near(
    selection: Selection, first: tuple[Floats, ...], last: tuple[Floats, ...]
) -> NDArray[np.bool_]:
    """Whether what is flown straight on from a place and time to another may be near."""
    (lon, lat, start), (last_lon, last_lat, end) = first, last
    eastward = _turned(lon, last_lon) >= 0
    west, east = np.where(eastward, lon, last_lon), np.where(eastward, last_lon, lon)
    boxes = west, np.minimum(lat, last_lat), east, np.maximum(lat, last_lat)
    return selection.near_boxes(boxes, start, end)


def _straight(chunks: ChunkPositions) -> NDArray[np.bool_]:
    """Which go on in latitude and longitude from their first place to the last, all the way."""
    eastward = _turned(chunks.first_lon, chunks.last_lon) >= 0
    sides = (
        (chunks.south, np.minimum(chunks.first_lat, chunks.last_lat)),
        (chunks.north, np.maximum(chunks.first_lat, chunks.last_lat)),
        (chunks.west, np.where(eastward, chunks.first_lon, chunks.last_lon)),
        (chunks.east, np.where(eastward, chunks.last_lon, chunks.first_lon)),
    )
    straight = ~chunks.unplaced & np.isfinite(chunks.start + chunks.end)
    for side, end in sides:
        straight &= np.abs(_turned(side, end)) <= _ROUNDED  # false for NaN
    return straight


def _turned(first: Floats, last: Floats) -> Floats:
    """Degrees from one longitude to another, the shorter way."""
    return (last - first + 180.0) % 360.0 - 180.0
