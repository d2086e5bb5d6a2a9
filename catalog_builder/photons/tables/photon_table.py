"""Photons as a table: one row a photon, with the facts of its pass as columns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.read.beam_reader import PHOTON, SURFACE_TYPE
from catalog_builder.errors import PhotonsError
from catalog_builder.extras import needing
from catalog_builder.products.atl03 import SURFACE_TYPES

if TYPE_CHECKING:
    import geopandas
    import pyarrow as pa
    import xarray as xr

OF_PASS: Final = {
    "granule": np.dtype(np.str_),
    "beam": np.dtype(np.str_),
    "strength": np.dtype(np.str_),
    "spot": np.dtype(np.int8),
    "rgt": np.dtype(np.int16),
}
"""Variables of a pass that become columns, beside ``cycle``, and their types."""


def photons_to_geodataframe(photons: xr.Dataset) -> geopandas.GeoDataFrame:
    """The photons as points, longitude and latitude (OGC:CRS84), with all else as columns.

    ``photons`` is what :func:`~catalog_builder.photons.open_photons.open_photons` returns. The
    facts of the passes (granule, beam, strength, spot, rgt) stand in each row; a variable with a
    value for each surface type has a column for each: ``signal_conf_ph_land_ice``. Attributes are
    in ``.attrs``. Raises :class:`~catalog_builder.errors.MissingExtraError` without geopandas.
    """
    with needing("geo", "A GeoDataFrame"):
        import geopandas
    table = photon_table(photons)
    points = geopandas.points_from_xy(photons.lon_ph.values, photons.lat_ph.values)
    frame = geopandas.GeoDataFrame(table.to_pandas(), geometry=points, crs="OGC:CRS84")
    frame.attrs = dict(photons.attrs)
    return frame


def photon_table(photons: xr.Dataset, first_pass: int = 0) -> pa.Table:
    """The photons as an Arrow table, in their order; text of passes is dictionary-encoded.

    ``first_pass`` is what ``track_pass_index`` says of the first along ``track_pass``.
    """
    require_photons(photons)
    arrays = [
        (str(name), array.values, array.dims[1:] == (SURFACE_TYPE,))
        for name, array in photons.variables.items()
        if array.dims[:1] == (PHOTON,)
    ]
    of_passes = {name: photons[name].values for name in OF_PASS}
    return table_of(arrays, of_passes, photons.track_pass_index.values - first_pass)


def table_of(
    arrays: Iterable[tuple[str, NDArray[Any], bool]],
    of_passes: Mapping[str, NDArray[Any]],
    index: NDArray[np.integer[Any]],
) -> pa.Table:
    """A table of photons.

    ``arrays`` are names and values of the photons, and whether there is one for each surface
    type; ``of_passes`` the variables ``OF_PASS``, and ``index`` the place there of each photon.
    """
    import pyarrow as pa

    return pa.table(dict([*_pass_columns(of_passes, index), *_photon_columns(arrays)]))


def require_photons(photons: xr.Dataset) -> None:
    """Raise :class:`~catalog_builder.errors.PhotonsError` unless it is such a Dataset."""
    needed = {"lat_ph", "lon_ph", "delta_time", "track_pass_index", "photon_count", *OF_PASS}
    if missing := sorted(needed - {str(name) for name in photons.variables}):
        raise PhotonsError(
            f"These are no photons of open_photons: {', '.join(missing)} is missing."
        )
    index = photons.track_pass_index
    if index.dtype.kind not in "iu":
        raise PhotonsError(
            f"track_pass_index is {index.dtype}, no whole numbers any more: filter photons by "
            "isel(photon=mask), which leaves values as they are, rather than by where."
        )


def _pass_columns(
    of_passes: Mapping[str, NDArray[Any]], index: NDArray[np.integer[Any]]
) -> Iterator[tuple[str, pa.Array]]:
    import pyarrow as pa

    used, places = np.unique(index, return_inverse=True)
    for name in OF_PASS:
        values = of_passes[name][used]
        if values.dtype.kind in "UO":
            texts, codes = np.unique(values.astype(str), return_inverse=True)
            named = _text_array(texts.tolist())
            codes = arrow_array(codes.astype(np.int32)[places])
            yield name, pa.DictionaryArray.from_arrays(codes, named)
        else:
            yield name, arrow_array(values[places])


def _photon_columns(
    arrays: Iterable[tuple[str, NDArray[Any], bool]],
) -> Iterator[tuple[str, pa.Array]]:
    for name, values, by_surface in arrays:
        if values.ndim == 1:
            yield name, arrow_array(values)
            continue
        flat = values.reshape(len(values), math.prod(values.shape[1:]))
        labels = SURFACE_TYPES if by_surface else range(flat.shape[1])
        for place, label in enumerate(labels):
            yield f"{name}_{label}", arrow_array(flat[:, place])


def _text_array(texts: list[str]) -> pa.Array:
    import pyarrow as pa

    encoded = [text.encode() for text in texts]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    buffers = pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))
    return pa.StringArray.from_buffers(len(texts), *buffers)


def arrow_array(values: NDArray[Any]) -> pa.Array:
    """Values as an Arrow array, without a copy where they lie one after another.

    ``pyarrow.array`` would import pandas: 50 MB.
    """
    import pyarrow as pa

    if values.dtype.kind == "M" and np.isnat(values).any():
        return pa.array(values)
    native = values.astype(values.dtype.newbyteorder("="), order="C", copy=False)
    if native.dtype.kind not in "iufM":
        return pa.array(native)
    kind = pa.from_numpy_dtype(native.dtype)
    return pa.Array.from_buffers(kind, len(native), [None, pa.py_buffer(native.view(np.uint8))])


def numpy_array(values: pa.Array) -> NDArray[Any]:
    """Numbers of an Arrow array without nulls, without a copy, and without pandas."""
    kind = np.dtype(values.type.to_pandas_dtype())
    found: NDArray[Any] = np.frombuffer(values.buffers()[1] or b"", kind)
    return found[values.offset : values.offset + len(values)]
