"""Datasets of a file as variables of xarray, values as stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from catalog_builder.beams.loading import as_variable
from catalog_builder.beams.read import delta_time
from catalog_builder.beams.read.beam_reader import Variable

if TYPE_CHECKING:
    import xarray as xr


def stored_array(variable: Variable, values: Any) -> xr.Variable:
    """A variable of these values, with the attributes that the file has."""
    return as_variable(variable.dims, values, variable.attrs, variable.encoding)


def stored_times(variable: Variable, times: Any) -> xr.Variable:
    """A variable of times, datetime64[ns], which is stored as seconds again."""
    # As xarray does it: the unit belongs to the stored number, so it is encoding.
    attrs = {key: value for key, value in variable.attrs.items() if key != "units"}
    return as_variable(variable.dims, times, attrs, {**variable.encoding, **delta_time.encoding()})
