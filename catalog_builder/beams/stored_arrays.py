"""Datasets of a file as variables of xarray, values as stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from catalog_builder.atl03 import SURFACE_TYPES
from catalog_builder.beams.read import delta_time
from catalog_builder.beams.read.beam_reader import SURFACE_TYPE, Variable

if TYPE_CHECKING:
    import xarray as xr


def stored_array(variable: Variable, values: Any) -> xr.Variable:
    """A variable of these values, with the attributes that the file has."""
    return as_variable(variable.dims, values, variable.attrs, variable.encoding)


def stored_times(variable: Variable, times: Any) -> xr.Variable:
    """A variable of times, datetime64[ns], which is stored as seconds again."""
    # As xarray does it: the unit belongs to the stored number, so it is encoding.
    attrs = {key: value for key, value in variable.attrs.items() if key != "units"}
    encoding = {**variable.encoding, **delta_time.encoding()}
    return as_variable(variable.dims, times, attrs, encoding)


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


def labelled(coords: Mapping[str, xr.Variable]) -> xr.Coordinates:
    """These coordinates, and the labels of the surface types; dask is not imported here either."""
    import pandas as pd
    import xarray as xr

    kind = np.array(SURFACE_TYPES).dtype
    index = xr.indexes.PandasIndex(pd.Index(SURFACE_TYPES), SURFACE_TYPE, coord_dtype=kind)
    labels = index.create_variables()
    return xr.Coordinates({**coords, **labels}, {SURFACE_TYPE: index})
