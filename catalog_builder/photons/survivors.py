"""Reads some photons of a beam and keeps those that a request asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.read.beam_reader import SEGMENT, BeamReader, Variable
from catalog_builder.beams.read.delta_time import to_times
from catalog_builder.beams.read.photon_search import LAT, LON, TIME
from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.beams.read.segment_table import SegmentTable
from catalog_builder.beams.read.segments import NO_SEGMENT
from catalog_builder.beams.requested_variables import ALONG, COORDINATES, X_ATC
from catalog_builder.errors import BeamError, VariableNotFoundError
from catalog_builder.photons.photon_request import PhotonRequest

Columns = dict[str, NDArray[Any]]
"""Values of the photons that stay, by path; ``x_atc`` by that name."""


def describe_variables(beam: BeamReader, request: PhotonRequest) -> dict[str, Variable]:
    """The variables that are read, by path.

    Raises :class:`~catalog_builder.errors.VariableNotFoundError` for one that the beam lacks, or
    that has not one row a photon or a segment, and
    :class:`~catalog_builder.errors.ConditionError` for a condition that cannot be tested.
    """
    request = request.whole
    found = {path: beam.variable(path) for path in (*request.photon_paths, *request.segment_paths)}
    for path in (*COORDINATES, *([ALONG] if request.along_track else [])):
        if found[path].shape != (beam.photons,) or found[path].dtype.kind != "f":
            raise BeamError(
                f"{path} ({found[path].dtype}, {found[path].shape}) must be one number for each "
                f"of {beam.photons} photons: the file is damaged."
            )
    for expected, paths in ((beam.photons, request.photon_paths), (None, request.segment_paths)):
        for path in paths:
            variable = found[path]
            rows = beam.segment_count if expected is None else expected
            if variable.shape[0] != rows:
                raise VariableNotFoundError(
                    f"{path} has {variable.shape[0]} rows, not one for each of {rows} photons or "
                    "segments: open_beam opens it."
                )
    for condition in request.conditions:
        one = found[condition.path]
        condition.holds(one, np.zeros((0, *one.shape[1:]), one.dtype))
    return found


def read_survivors(
    beam: BeamReader,
    request: PhotonRequest,
    variables: Mapping[str, Variable],
    photons: RowSlices,
    segments: RowSlices,
    table: SegmentTable | None,
) -> Columns:
    """Read these photons, and keep those in the area and the interval that meet all conditions.

    ``segments`` are those that hold the photons, and perhaps more, whose rows are read of
    variables of segments; ``table`` knows them, and is None where none is needed. What is tested
    is read first.
    """
    columns: Columns = {LON: beam.read(LON, photons), LAT: beam.read(LAT, photons)}
    keep = request.selection.holds_place(columns[LON], columns[LAT])
    if request.selection.interval is not None:
        columns[TIME] = beam.read(TIME, photons)
        keep &= request.selection.holds_time(to_times(columns[TIME]))
    for condition in request.conditions:
        path = condition.path
        if variables[path].dims[0] == SEGMENT:
            assert table is not None
            if path not in columns:
                columns[path] = _at_photons(beam, variables[path], photons, segments, table)
            known = _numbers(table, photons) != NO_SEGMENT
            keep &= condition.holds(variables[path], columns[path]) & known
        else:
            if path not in columns:
                columns[path] = beam.read(path, photons)
            keep &= condition.holds(variables[path], columns[path])
    stay = photons.where(keep)
    columns = {path: values[keep] for path, values in columns.items()}
    if not stay.rows:
        return {}
    for path in request.photon_paths:
        if path not in columns:
            columns[path] = photons.take(beam.read(path, photons), stay)
    for path in request.segment_paths:
        if path not in columns:
            assert table is not None
            columns[path] = _at_photons(beam, variables[path], stay, segments, table)
    if request.along_track:
        assert table is not None
        columns[X_ATC] = table.starts(stay)
        columns[X_ATC] += columns[ALONG]
    wanted = {*COORDINATES, *request.paths, X_ATC}
    return {path: values for path, values in columns.items() if path in wanted}


def _numbers(table: SegmentTable, photons: RowSlices) -> NDArray[np.int64]:
    """The segment of each photon."""
    numbers, counts = table.segments.repeats(photons)
    return np.repeat(numbers, counts)


def _at_photons(
    beam: BeamReader,
    variable: Variable,
    photons: RowSlices,
    segments: RowSlices,
    table: SegmentTable,
) -> NDArray[Any]:
    """The value of each photon's segment; the fill value in no segment."""
    stored = beam.read(variable.path, segments)
    numbers, counts = table.segments.repeats(photons)
    values = np.empty((len(numbers), *stored.shape[1:]), stored.dtype)
    inside = numbers != NO_SEGMENT
    values[inside] = stored[np.searchsorted(segments.numbers(), numbers[inside])]
    values[~inside] = variable.fill_value
    return np.repeat(values, counts, axis=0)
