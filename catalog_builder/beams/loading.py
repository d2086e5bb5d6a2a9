"""Loads the data of a beam as arrays: the interface, and the loader that reads immediately."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.read import delta_time
from catalog_builder.beams.read.beam_reader import SURFACE_TYPE, BeamReader, Variable
from catalog_builder.beams.read.delta_time import into_times
from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.beams.read.segment_table import SegmentTable
from catalog_builder.errors import BeamError
from catalog_builder.products.atl03 import SURFACE_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr


def as_variable(
    dims: str | Sequence[str],
    values: Any,
    attrs: Mapping[str, Any],
    encoding: Mapping[str, Any] | None = None,
) -> xr.Variable:
    """Arrays of NumPy or dask, neither masked nor of objects, as a variable of xarray.

    By xarray's ``fastpath``: else it imports dask, which takes 75 ms, to see whose they are.
    """
    import xarray as xr

    return xr.Variable(dims, values, attrs, encoding, fastpath=True)


def stored_array(variable: Variable, values: Any) -> xr.Variable:
    """A variable of these values, with the attributes that the file has."""
    return as_variable(variable.dims, values, variable.attrs, variable.encoding)


def stored_times(variable: Variable, times: Any) -> xr.Variable:
    """A variable of times, datetime64[ns], which is stored as seconds again."""
    # As xarray does it: the unit belongs to the stored number, so it is encoding.
    attrs = {key: value for key, value in variable.attrs.items() if key != "units"}
    return as_variable(variable.dims, times, attrs, {**variable.encoding, **delta_time.encoding()})


def with_surface_types(coords: Mapping[str, xr.Variable]) -> xr.Coordinates:
    """These coordinates, and the labels of the surface types; dask is not imported here either."""
    import pandas as pd
    import xarray as xr

    kind = np.array(SURFACE_TYPES).dtype
    index = xr.indexes.PandasIndex(pd.Index(SURFACE_TYPES), SURFACE_TYPE, coord_dtype=kind)
    labels = index.create_variables()
    return xr.Coordinates({**coords, **labels}, {SURFACE_TYPE: index})


class Loader(Protocol):
    """Gives the arrays of a Dataset, in NumPy or in dask."""

    def rows(self, variable: Variable, rows: RowSlices) -> Any:
        """The values of these rows as stored."""

    def times(self, variable: Variable, rows: RowSlices) -> Any:
        """The times of these rows, of a ``delta_time``."""

    def segment_starts(self, photons: RowSlices) -> Any:
        """Where the segment of each of these photons starts, metres along track."""

    def segment_indices(self, photons: RowSlices, kept: RowSlices) -> Any:
        """Index of each photon's segment among those ``kept``; -1 in no segment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EagerLoader:
    """Gives the data of a beam as NumPy arrays, read immediately."""

    beam: BeamReader
    table: SegmentTable
    known: dict[str, NDArray[Any]]
    """Values of the selected photons that the search has read already: path -> values."""

    def rows(self, variable: Variable, rows: RowSlices) -> NDArray[Any]:
        """The values of these rows as stored."""
        known = self.known.get(variable.path)
        return self.beam.read(variable.path, rows) if known is None else known

    def times(self, variable: Variable, rows: RowSlices) -> NDArray[np.datetime64]:
        """The times of these rows, of a ``delta_time``."""
        return into_times(self.rows(variable, rows))

    def segment_starts(self, photons: RowSlices) -> NDArray[np.float64]:
        """Where the segment of each of these photons starts, metres along track."""
        return self.table.starts(photons)

    def segment_indices(self, photons: RowSlices, kept: RowSlices) -> NDArray[np.int64]:
        """Index of each photon's segment among those ``kept``; -1 in no segment."""
        return self.table.indices(photons, kept)


def require_numbers(beam: BeamReader, variables: Sequence[Variable]) -> None:
    """Raise unless each has one number a photon."""
    for variable in variables:
        if not is_number_each(beam, variable):
            raise BeamError(
                f"{variable.path} ({variable.dtype}, {variable.shape}) must be one number for "
                f"each of {beam.photons} photons: the file is damaged."
            )


def is_number_each(beam: BeamReader, variable: Variable) -> bool:
    """Whether a variable is one number a photon."""
    return variable.shape == (beam.photons,) and variable.dtype.kind == "f"
