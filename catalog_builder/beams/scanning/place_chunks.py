"""Places each stored chunk of photons on Earth and in time, by the segments it holds."""

from __future__ import annotations

from typing import Final

import numpy as np

from catalog_builder.beams.read.segments import NO_SEGMENT, Segments
from catalog_builder.beams.references.chunk_positions import (
    PER_DEGREE,
    PER_SECOND,
    ChunkPositions,
    Floats,
    Ints,
)

_LATEST: Final = 1e10  # seconds: what is later is a fill value, no time


def place_chunks(
    segments: Segments, chunk: int, lat: Floats, lon: Floats, time: Floats
) -> ChunkPositions:
    """Find the bounds of chunks of ``chunk`` photons, from one reference photon a segment.

    ``lat`` and ``lon`` in degrees, ``time`` in seconds since 2018-01-01: one value a segment.
    Segments without photons are not looked at.
    """
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
    at, number = place[placed], segment[placed]
    south, north = _bounds(lat[number], at, count, PER_DEGREE)
    west, east = _bounds(np.unwrap(lon[number], period=360.0), at, count, PER_DEGREE)
    around = east - west >= 360.0
    timed = np.isfinite(time[segment])
    unplaced[place[~(placed & timed)]] = True
    start, end = _bounds(time[segment][timed], place[timed], count, PER_SECOND)
    return ChunkPositions(
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


def unplaced_chunks(photons: int, chunk: int) -> ChunkPositions:
    """The positions of chunks of ``chunk`` photons of which no segment is known."""
    nothing = np.empty(0, np.int64)
    segments = Segments.parse(nothing, nothing, photons)
    return place_chunks(segments, chunk, *[np.empty(0, np.float64)] * 3)


def _bounds(values: Floats, place: Ints, count: int, per: int) -> tuple[Floats, Floats]:
    """Least and greatest value of each chunk, rounded outward; NaN where there is none."""
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
