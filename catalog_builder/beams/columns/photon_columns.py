"""Columns that are derived for the photons of a beam from more than one of its datasets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.columns.conditions import Bools, Condition
from catalog_builder.beams.loading import EagerLoader, Loader, stored_array
from catalog_builder.beams.read.beam_reader import PHOTON, SEGMENT, BeamReader, Variable
from catalog_builder.beams.read.photon_search import rows_of
from catalog_builder.beams.read.row_slices import Ints, RowSlices
from catalog_builder.beams.read.selection import Selection
from catalog_builder.errors import ConditionError
from catalog_builder.products.atl03 import Beam

if TYPE_CHECKING:
    import xarray as xr

Seconds = tuple[float, float]
"""First and last ``delta_time``, seconds; infinite where there is no limit."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SelectedRows:
    """The photons of a beam that a Dataset has, and how their values are read."""

    beam: BeamReader
    photons: RowSlices
    segments: RowSlices
    """Those that hold at least one of the photons, and perhaps more; all where it is not known
    which do."""
    read: Callable[[Variable], NDArray[Any]]
    """Gives a variable's values for these photons or segments, as stored."""
    segment_of: Callable[[], Ints] | None
    """Gives each photon's place among ``segments``, -1 in none; None where nothing is known."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DerivedColumn:
    """A column of the photons."""

    variable: Variable
    """What it is; its path is its name in the Dataset."""
    values: NDArray[Any]
    """One row a photon."""


Told = Mapping[str, str | int]
"""Attributes of a beam that tell where its columns come from; numbers of its parts add up."""


class OpenColumns(Protocol):
    """Derives columns while what they take is open."""

    @property
    def without_segments(self) -> str | None:
        """What becomes of it where nothing is known of the segments; None where nothing does."""

    def described(self) -> Mapping[str, Variable]:
        """The columns that :meth:`derive` gives; what they are is read where it is not known."""

    def begin(self, near: Seconds | None) -> None:
        """Begin to read what photons of these times need; None where their times are not known."""

    def derive(self, rows: SelectedRows) -> tuple[Mapping[str, DerivedColumn], Told]:
        """The columns by name, and attributes that tell where they come from."""


class PhotonColumns(Protocol):
    """Columns of a Dataset's photons that can be derived."""

    @property
    def variables(self) -> Mapping[str, Variable]:
        """What is known of the columns before anything is read, by name; some may be left out."""

    @property
    def paths(self) -> Sequence[str]:
        """The beam's datasets that are read for it."""

    @property
    def told(self) -> Told:
        """What is known of where the columns come from before anything is read."""

    @property
    def needs_header(self) -> bool:
        """Whether :meth:`described` reads what ``variables`` cannot tell."""

    def described(self, beam: Beam) -> Mapping[str, Variable]:
        """The columns of this beam: what they are is read where it is not known."""

    def opened(self, beam: BeamReader) -> AbstractContextManager[OpenColumns]:
        """Open what the columns of this beam are derived from."""


@contextmanager
def opened_columns(
    beam: BeamReader, derived: Sequence[PhotonColumns], near: Seconds | None
) -> Iterator[list[OpenColumns]]:
    """Open what columns are derived from, and begin to read what photons near need of it."""
    with ExitStack() as stack:
        columns = [stack.enter_context(one.opened(beam)) for one in derived]
        for one in columns:
            one.begin(near)
        yield columns


def seconds_near(beam: BeamReader, selection: Selection) -> Seconds | None:
    """Between which times the photons of a selection lie; None where that must be read first."""
    return (-float("inf"), float("inf")) if selection.everything else beam.near_seconds(selection)


def selected_rows(
    beam: BeamReader, load: Loader, photons: RowSlices, segments: RowSlices, *, known: bool
) -> SelectedRows:
    """Photons of a Dataset that is read now; ``known``: whether the photons' segments are.

    What is read is kept for those who ask for it by name.
    """
    if not isinstance(load, EagerLoader):
        raise TypeError("Columns are derived of photons that are read now, without chunks.")
    kept, of_segments = load.known, load.segment_indices

    def read(variable: Variable) -> NDArray[Any]:
        if variable.path not in kept:
            kept[variable.path] = load.rows(variable, rows_of(variable, photons, segments))
        return kept[variable.path]

    return SelectedRows(
        beam=beam,
        photons=photons,
        segments=segments,
        read=read,
        segment_of=(lambda: of_segments(photons, segments)) if known else None,
    )


def derive_columns(
    rows: SelectedRows, derived: Sequence[OpenColumns]
) -> tuple[dict[str, DerivedColumn], dict[str, str | int]]:
    """Derive columns, and attributes of the beam that tell where they come from."""
    columns: dict[str, DerivedColumn] = {}
    attributes: dict[str, str | int] = {}
    for one in derived:
        found, told = one.derive(rows)
        columns.update(found)
        attributes.update(told)
    return columns, attributes


def meeting(
    rows: SelectedRows, conditions: Sequence[Condition], columns: Mapping[str, DerivedColumn]
) -> Bools:
    """Which photons meet all conditions, on the beam's own variables or derived columns.

    Raises :class:`~catalog_builder.errors.ConditionError` for one that cannot be tested.
    """
    keep = np.ones(rows.photons.rows, np.bool_)
    for condition in conditions:
        if condition.path in columns:
            one = columns[condition.path]
            keep &= condition.holds(one.variable, one.values)
            continue
        variable = rows.beam.variable(condition.path)
        if variable.dims[0] == PHOTON:
            keep &= condition.holds(variable, rows.read(variable))
        elif variable.dims[0] == SEGMENT:
            place = np.full(len(keep), -1) if rows.segment_of is None else rows.segment_of()
            inside = place >= 0
            keep &= inside
            stored = rows.read(variable)
            keep[inside] &= condition.holds(variable, stored[place[inside]])
        else:
            raise ConditionError(
                f"{condition.path} has no value for each photon: {condition} cannot be tested."
            )
    return keep


def as_stored(column: DerivedColumn) -> xr.Variable:
    """A column as a variable of a Dataset."""
    return stored_array(column.variable, column.values)
