"""Reads some photons of a beam and keeps those that a request asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.columns.photon_columns import (
    DerivedColumn,
    OpenColumns,
    SelectedRows,
    Told,
    derive_columns,
)
from catalog_builder.beams.read.beam_reader import SEGMENT, BeamReader, Variable
from catalog_builder.beams.read.delta_time import to_times
from catalog_builder.beams.read.photon_search import LAT, LON, TIME
from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.beams.read.segment_table import SegmentTable
from catalog_builder.beams.read.segments import NO_SEGMENT
from catalog_builder.beams.requested_variables import ALONG, COORDINATES, X_ATC
from catalog_builder.photons.planning.photon_request import PhotonRequest

Columns = dict[str, NDArray[Any]]
"""Values of the photons that stay, by path; ``x_atc`` by that name."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Survivors:
    """The photons that stay of some."""

    columns: Columns
    """Empty where there are none."""
    variables: Mapping[str, Variable] = field(default_factory=dict)
    """What the derived columns among them are."""
    told: Told = field(default_factory=dict)
    """Where these come from."""


@dataclass(slots=True, eq=False)
class ReadColumns:
    """What is known of the derived columns of a pass."""

    variables: dict[str, Variable] = field(default_factory=dict)
    told: dict[str, str | int] = field(default_factory=dict)

    def add(self, survivors: Survivors, blocks: list[Columns]) -> None:
        """Take over what stays of some photons."""
        self.variables.update(survivors.variables)
        for name, value in survivors.told.items():
            known = self.told.get(name)
            if isinstance(known, int) and isinstance(value, int):
                value += known
            self.told[name] = value
        if survivors.columns:
            blocks.append(survivors.columns)


def column_of(block: Columns, variable: Variable) -> NDArray[Any]:
    """A column of some photons; fill values where their sibling lacks it."""
    if variable.path in block:
        return block[variable.path]
    shape = (len(block[LAT]), *variable.shape[1:])
    return np.full(shape, variable.fill_value, variable.dtype)


def read_survivors(
    beam: BeamReader,
    request: PhotonRequest,
    variables: Mapping[str, Variable],
    photons: RowSlices,
    segments: RowSlices,
    table: SegmentTable | None,
    derived: Sequence[OpenColumns] = (),
    *,
    known: bool = True,
) -> Survivors:
    """Read these photons, and keep those in the area and the interval that meet all conditions.

    ``segments`` are those that hold the photons, and perhaps more, whose rows are read of
    variables of segments; ``table`` knows them, and is None where none is needed; ``known`` is
    whether it knows any. What is tested is read first; columns are derived of what then stays.
    """
    stored: dict[str, NDArray[Any]] = {}

    def of_segments(path: str) -> NDArray[Any]:
        if path not in stored:
            stored[path] = beam.read(path, segments)
        return stored[path]

    def at_photons(path: str, which: RowSlices) -> NDArray[Any]:
        assert table is not None
        return _at_photons(of_segments(path), variables[path], which, segments, table)

    columns: Columns = {LON: beam.read(LON, photons), LAT: beam.read(LAT, photons)}
    keep = request.selection.holds_place(columns[LON], columns[LAT])
    if request.selection.interval is not None:
        columns[TIME] = beam.read(TIME, photons)
        keep &= request.selection.holds_time(to_times(columns[TIME]))
    of_columns = [one for one in request.conditions if one.path not in variables]
    for condition in request.conditions:
        path = condition.path
        if path not in variables:
            continue
        if variables[path].dims[0] == SEGMENT:
            assert table is not None
            if path not in columns:
                columns[path] = at_photons(path, photons)
            in_segment = _numbers(table, photons) != NO_SEGMENT
            keep &= condition.holds(variables[path], columns[path]) & in_segment
        else:
            if path not in columns:
                columns[path] = beam.read(path, photons)
            keep &= condition.holds(variables[path], columns[path])
    stay = photons.where(keep)
    columns = {path: photons.take(values, stay, keep) for path, values in columns.items()}
    if not stay.rows:
        return Survivors(columns={})

    def read(variable: Variable) -> NDArray[Any]:
        if variable.dims[0] == SEGMENT:
            return of_segments(variable.path)[span]
        if variable.path not in columns:
            columns[variable.path] = photons.take(beam.read(variable.path, photons), stay)
        return columns[variable.path]

    made: dict[str, DerivedColumn] = {}
    told: Told = {}
    if derived:
        span, near = _near_segments(segments, stay, table) if known else (slice(None), segments)
        place = table if known else None
        rows = SelectedRows(
            beam=beam,
            photons=stay,
            segments=near,
            read=read,
            segment_of=None if place is None else partial(place.indices, stay, near),
        )
        made, told = derive_columns(rows, derived)
        columns |= {name: one.values for name, one in made.items()}
        kept = np.ones(stay.rows, np.bool_)
        for condition in of_columns:
            one = made.get(condition.path)
            if one is None:  # the sibling lacks it
                kept[:] = False
            else:
                kept &= condition.holds(one.variable, one.values)
        if not kept.all():
            stay = stay.where(kept)
            columns = {path: values[kept] for path, values in columns.items()}
    described = {name: one.variable for name, one in made.items()}
    if not stay.rows:
        return Survivors(columns={}, variables=described, told=told)
    for path in request.photon_paths:
        if path not in columns:
            columns[path] = photons.take(beam.read(path, photons), stay)
    for path in request.segment_paths:
        if path not in columns:
            columns[path] = at_photons(path, stay)
    if request.along_track:
        assert table is not None
        columns[X_ATC] = table.starts(stay)
        columns[X_ATC] += columns[ALONG]
    wanted = {*COORDINATES, *request.paths, X_ATC, *request.derived_variables}
    return Survivors(
        columns={path: values for path, values in columns.items() if path in wanted},
        variables=described,
        told=told,
    )


def _near_segments(
    segments: RowSlices, photons: RowSlices, table: SegmentTable | None
) -> tuple[slice, RowSlices]:
    """Of segments those between the first and the last that hold some of the photons."""
    if table is None:
        return slice(None), segments
    holding = table.segments.remaining(photons)
    if not len(holding):
        return slice(0), RowSlices.whole(0)
    numbers = segments.numbers()
    first = int(np.searchsorted(numbers, holding.start[0]))
    last = int(np.searchsorted(numbers, holding.stop[-1]))
    return slice(first, last), segments.part(first, last)


def _numbers(table: SegmentTable, photons: RowSlices) -> NDArray[np.int64]:
    """The segment of each photon."""
    numbers, counts = table.segments.repeats(photons)
    return np.repeat(numbers, counts)


def _at_photons(
    stored: NDArray[Any],
    variable: Variable,
    photons: RowSlices,
    segments: RowSlices,
    table: SegmentTable,
) -> NDArray[Any]:
    """The value of each photon's segment, of ``stored``; the fill value in no segment."""
    numbers, counts = table.segments.repeats(photons)
    values = np.empty((len(numbers), *stored.shape[1:]), stored.dtype)
    inside = numbers != NO_SEGMENT
    values[inside] = stored[np.searchsorted(segments.numbers(), numbers[inside])]
    values[~inside] = variable.fill_value
    return np.repeat(values, counts, axis=0)
