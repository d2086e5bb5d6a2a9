"""Finds the photons of a selection in a beam: roughly by its segments or chunks, then exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.read.beam_reader import (
    PHOTON,
    SEGMENT,
    SEGMENT_TABLE,
    BeamReader,
    Variable,
    has_all,
)
from catalog_builder.beams.read.delta_time import to_times
from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.beams.read.segment_table import SegmentTable
from catalog_builder.beams.read.selection import Selection
from catalog_builder.errors import SegmentsError
from catalog_builder.products.atl03 import DISTANCE, PHOTON_GROUP

LAT: Final = f"{PHOTON_GROUP}/lat_ph"
LON: Final = f"{PHOTON_GROUP}/lon_ph"
REFERENCE_PHOTON: Final = (
    "geolocation/reference_photon_lat",
    "geolocation/reference_photon_lon",
    "geolocation/delta_time",
)
"""Place and time of a segment: those of its reference photon."""

NO_SEGMENTS: Final = (
    f"not all of {', '.join(SEGMENT_TABLE)} are there, each with one value per segment."
)

TIME: Final = f"{PHOTON_GROUP}/delta_time"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SelectedPhotons:
    """The photons of a beam that are in a selection."""

    table: SegmentTable
    """By which no photon is in a segment, where there is a ``problem``."""
    photons: RowSlices
    values: dict[str, NDArray[Any]]
    """Values of these photons that the search has read: path -> values as stored."""
    problem: str | None = None
    """Why nothing is known of the segments; None where they are known."""


def find_photons(
    beam: BeamReader,
    selection: Selection,
    needed: Sequence[Variable],
    table_paths: Sequence[str] = SEGMENT_TABLE,
) -> SelectedPhotons:
    """Find the photons of a selection.

    Where the beam knows before reading which photons may be in it, the rows of the ``needed``
    variables are fetched in the same round. ``table_paths`` are what is wanted of the segments:
    all of ``SEGMENT_TABLE``, all but where they start, or nothing. Segments that are missing, or
    contradict each other, hide no photon. Raises
    :class:`~catalog_builder.errors.SegmentsError` where the segments are not those that the
    beam's references were made from.
    """
    tested = [*((LON, LAT) if selection.area else ()), *((TIME,) if selection.interval else ())]
    near = beam.near_rows(selection)
    problem = NO_SEGMENTS if beam.has_segments is False else None
    distances = DISTANCE in table_paths
    table = SegmentTable.unknown(beam)
    photons = RowSlices.whole(beam.photons) if near is None else near.photons
    try:
        if near is not None:
            wanted = dict.fromkeys(tested, photons)
            if problem is None:
                wanted |= dict.fromkeys(table_paths, near.segments)
            wanted |= {one.path: rows_of(one, photons, near.segments) for one in needed}
            beam.prefetch(wanted)
            if problem is None and table_paths:
                table = SegmentTable.read(beam, near.segments, distances=distances)
        elif problem is None:
            table, photons = near_by_segments(beam, selection, distances=distances)
    except SegmentsError as error:
        if beam.has_segments:
            raise  # a scan found them good: this is another file
        problem = str(error)
    if selection.everything:
        return SelectedPhotons(table=table, photons=photons, values={}, problem=problem)
    values = {path: beam.read(path, photons) for path in tested}
    keep = np.ones(photons.rows, dtype=np.bool_)
    if selection.area is not None:
        keep &= selection.holds_place(values[LON], values[LAT])
    if selection.interval is not None:
        keep &= selection.holds_time(to_times(values[TIME]))
    found = photons.where(keep)
    return SelectedPhotons(
        table=table,
        photons=found,
        values={path: photons.take(stored, found, keep) for path, stored in values.items()},
        problem=problem,
    )


def rows_of(variable: Variable, photons: RowSlices, segments: RowSlices) -> RowSlices:
    """The rows of a variable for these photons and segments; all rows at any other rate."""
    cut = {PHOTON: photons, SEGMENT: segments}
    return cut.get(variable.dims[0], RowSlices.whole(variable.shape[0]))


def near_by_segments(
    beam: BeamReader, selection: Selection, *, distances: bool = True
) -> tuple[SegmentTable, RowSlices]:
    """Photons whose segment's reference photon is near the selection, and those of no segment.

    With the table of all segments. All photons where the file lacks the reference photons, or has
    no numbers for them.
    """
    every = RowSlices.whole(beam.segment_count)
    table = SegmentTable.read(beam, every, distances=distances)
    if not has_all(beam, REFERENCE_PHOTON):
        return table, RowSlices.whole(beam.photons)
    lat, lon, time = (beam.read(path, every) for path in REFERENCE_PHOTON)
    if any(one.ndim != 1 or one.dtype.kind not in "iuf" for one in (lat, lon, time)):
        return table, RowSlices.whole(beam.photons)  # no places: every photon may be near
    return table, table.segments.holding(selection.near(lon, lat, to_times(time)))
