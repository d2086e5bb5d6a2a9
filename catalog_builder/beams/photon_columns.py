"""Columns that are derived for the photons of a beam from more than one of its datasets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import NDArray

from catalog_builder.beams.loading import EagerLoader, Loader
from catalog_builder.beams.read.beam_reader import BeamReader, Variable
from catalog_builder.beams.read.photon_search import rows_of
from catalog_builder.beams.read.row_slices import Ints, RowSlices

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SelectedRows:
    """The photons of a beam that a Dataset has, and how their values are read."""

    beam: BeamReader
    photons: RowSlices
    segments: RowSlices
    """Those that hold at least one of the photons; all where it is not known which do."""
    read: Callable[[Variable], NDArray[Any]]
    """Gives a variable's values for these photons or segments, as stored."""
    segment_of: Ints | None
    """Place among ``segments`` of each photon's, -1 in none; None where nothing is known."""


class PhotonColumns(Protocol):
    """Derives columns of a Dataset's photons."""

    @property
    def paths(self) -> Sequence[str]:
        """The beam's datasets that are read for it."""

    @property
    def without_segments(self) -> str | None:
        """What becomes of it where nothing is known of the segments; None where nothing does."""

    def derive(
        self, rows: SelectedRows
    ) -> tuple[Mapping[str, xr.Variable], Mapping[str, str | int]]:
        """The columns by name, and attributes that tell where they come from."""


def derive_columns(
    beam: BeamReader,
    derived: Sequence[PhotonColumns],
    load: Loader,
    photons: RowSlices,
    segments: RowSlices,
    *,
    known: bool,
) -> tuple[dict[str, xr.Variable], dict[str, str | int]]:
    """Derive columns, and their attributes; ``known``: whether the photons' segments are.

    What they are derived from is read once, and kept for those who asked for it by name.
    """
    columns: dict[str, xr.Variable] = {}
    attributes: dict[str, str | int] = {}
    if not derived:
        return columns, attributes
    if not isinstance(load, EagerLoader):
        raise TypeError("Columns are derived of photons that are read now, without chunks.")
    kept = load.known

    def read(variable: Variable) -> NDArray[Any]:
        if variable.path not in kept:
            kept[variable.path] = load.rows(variable, rows_of(variable, photons, segments))
        return kept[variable.path]

    rows = SelectedRows(
        beam=beam,
        photons=photons,
        segments=segments,
        read=read,
        segment_of=load.segment_indices(photons, segments) if known else None,
    )
    for one in derived:
        found, told = one.derive(rows)
        columns.update(found)
        attributes.update(told)
    return columns, attributes
