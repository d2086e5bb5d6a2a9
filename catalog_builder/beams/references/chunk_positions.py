"""Where on Earth, and when, the photons of each stored chunk lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.read.row_slices import Bools, Ints, RowSlices
from catalog_builder.beams.read.segments import NO_SEGMENT, Segments

Floats = NDArray[np.float64]

PER_DEGREE: Final = 100_000
"""Positions are rounded to 1e-5 degrees, 1 m; boxes outward."""

PER_SECOND: Final = 1_000
"""Times are rounded to milliseconds, outward."""

_LATEST: Final = 1e10  # seconds: what is later is a fill value, no time


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChunkPositions:
    """One row for each chunk of photons, known from the segments that they lie in.

    Positions and times are those of reference photons: a photon lies up to the margins of
    :mod:`catalog_builder.beams.read.selection` away. Segments without photons count for nothing. A
    chunk that holds no photon with a position has NaN for them, one without times likewise:
    nothing compares true with it.
    """

    chunk: int
    """Photons a chunk, as ``heights/h_ph`` is stored; the last chunk may hold fewer."""
    photons: int
    """How many there are in all."""
    first_segment: Ints
    """Number of the first photon's segment, 0-based; -1 where no photon is in a segment."""
    last_segment: Ints
    """Number of the last photon's segment."""
    first_lat: Floats
    """Degrees north, of the first segment's reference photon."""
    last_lat: Floats
    """Degrees north, of the last segment's reference photon."""
    first_lon: Floats
    """Degrees east, of the first segment's reference photon."""
    last_lon: Floats
    """Degrees east, of the last segment's reference photon."""
    south: Floats
    """Least latitude, degrees."""
    north: Floats
    """Greatest latitude, degrees."""
    west: Floats
    """Western end of the longitudes, degrees east, -180 to 180; eastward from here to ``east``."""
    east: Floats
    """Eastern end of the longitudes; less than ``west`` where they cross ±180."""
    start: Floats
    """Least ``delta_time``, seconds since 2018-01-01."""
    end: Floats
    """Greatest ``delta_time``, seconds since 2018-01-01."""
    unplaced: Bools
    """Whether the chunk also holds photons of no segment, or of one whose reference photon has no
    place or time: they may lie anywhere."""

    @classmethod
    def of(cls, segments: Segments, chunk: int, lat: Floats, lon: Floats, time: Floats) -> Self:
        """Positions of chunks of this many photons, from one reference photon a segment."""
        photons = segments.photons
        count = -(-photons // chunk)
        # Bins cut at the chunks' edges: each piece lies in one segment and one chunk.
        edges = np.union1d(segments.edges, np.arange(0, photons, chunk))
        bins = np.searchsorted(segments.edges, edges[:-1], side="right") - 1
        segment, place = segments.segment[bins], edges[:-1] // chunk
        inside = segment != NO_SEGMENT
        unplaced = np.zeros(count, dtype=np.bool_)
        unplaced[place[~inside]] = True
        segment, place = segment[inside], place[inside]

        first = np.searchsorted(place, np.arange(count), side="left")
        last = np.searchsorted(place, np.arange(count), side="right") - 1
        some = first <= last
        ends = {"first": np.full(count, NO_SEGMENT), "last": np.full(count, NO_SEGMENT)}
        ends["first"][some], ends["last"][some] = segment[first[some]], segment[last[some]]

        on_earth = (np.abs(lat) <= 90.0) & (np.abs(lon) <= 360.0)
        lat, lon = np.where(on_earth, lat, np.nan), np.where(on_earth, lon, np.nan)
        time = np.where(np.abs(time) < _LATEST, time, np.nan)
        placed = on_earth[segment]
        at, found = place[placed], segment[placed]
        south, north = _bounds(lat[found], at, count, PER_DEGREE)
        west, east = _bounds(np.unwrap(lon[found], period=360.0), at, count, PER_DEGREE)
        around = east - west >= 360.0
        timed = np.isfinite(time[segment])
        unplaced[place[~(placed & timed)]] = True
        start, end = _bounds(time[segment][timed], place[timed], count, PER_SECOND)
        return cls(
            chunk=chunk,
            photons=photons,
            first_segment=ends["first"],
            last_segment=ends["last"],
            first_lat=_at(lat, ends["first"]),
            last_lat=_at(lat, ends["last"]),
            first_lon=_at(lon, ends["first"]),
            last_lon=_at(lon, ends["last"]),
            south=south,
            north=north,
            west=np.where(around, -180.0, _wrap(west)),
            east=np.where(around, 180.0, _wrap(east)),
            start=start,
            end=end,
            unplaced=unplaced,
        )

    def __len__(self) -> int:
        """How many chunks there are."""
        return len(self.south)

    @property
    def edges(self) -> Ints:
        """Photon numbers, 0-based, one more than there are chunks."""
        edges: Ints = np.minimum(np.arange(len(self) + 1) * self.chunk, self.photons)
        return edges

    def rows(self, keep: Bools) -> RowSlices:
        """The photons of these chunks, one truth for each."""
        return RowSlices.of_mask(keep, self.edges)


def _bounds(values: Floats, place: Ints, count: int, per: int) -> tuple[Floats, Floats]:
    """Least and greatest value at each of the places, rounded outward; NaN where there is none."""
    least, greatest = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(least, place, values)
    np.maximum.at(greatest, place, values)
    none = least > greatest
    least[none], greatest[none] = np.nan, np.nan
    slack = 1e-3  # of a unit, for the product is not exact
    return np.floor(least * per - slack) / per, np.ceil(greatest * per + slack) / per


def _rounded(degrees: Floats) -> Floats:
    return np.rint(degrees * PER_DEGREE) / PER_DEGREE


def _at(values: Floats, number: Ints) -> Floats:
    """The value of each of these segments; NaN for no segment."""
    return _rounded(np.append(values, np.nan)[number])


def _wrap(lon: Floats) -> Floats:
    return _rounded((lon + 180.0) % 360.0 - 180.0)
