"""Photons as a table: one row a photon, with the facts of its pass as columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from catalog_builder.beams.read.beam_reader import PHOTON, SURFACE_TYPE
from catalog_builder.errors import MissingExtraError, PhotonsError

if TYPE_CHECKING:
    import geopandas
    import pyarrow as pa
    import xarray as xr

OF_PASS: Final = ("granule", "beam", "strength", "spot", "rgt")
"""Variables of a pass that become columns, beside ``cycle``."""


def photons_to_geodataframe(photons: xr.Dataset) -> geopandas.GeoDataFrame:
    """The photons as points, longitude and latitude (OGC:CRS84), with all else as columns.

    ``photons`` is what :func:`~catalog_builder.photons.open_photons.open_photons` returns. The
    facts of the passes (granule, beam, strength, spot, rgt) stand in each row; a variable with a
    value for each surface type has a column for each: ``signal_conf_ph_land_ice``. Attributes are
    in ``.attrs``. Raises :class:`~catalog_builder.errors.MissingExtraError` without geopandas.
    """
    try:
        import geopandas
    except ImportError as error:
        raise MissingExtraError(
            "A GeoDataFrame takes geopandas: pip install geopandas."
        ) from error
    table = photon_table(photons)
    points = geopandas.points_from_xy(photons.lon_ph.values, photons.lat_ph.values)
    frame = geopandas.GeoDataFrame(table.to_pandas(), geometry=points, crs="OGC:CRS84")
    frame.attrs = dict(photons.attrs)
    return frame


def photon_table(photons: xr.Dataset, first_pass: int = 0) -> pa.Table:
    """The photons as an Arrow table, in their order; text of passes is dictionary-encoded.

    ``first_pass`` is what ``track_pass_index`` says of the first along ``track_pass``.
    """
    import pyarrow as pa

    require_photons(photons)
    columns = dict(_columns(photons, first_pass))
    return pa.table(columns)


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


def _columns(photons: xr.Dataset, first_pass: int) -> Iterator[tuple[str, Any]]:
    import pyarrow as pa

    index = photons.track_pass_index.values - first_pass
    for name in OF_PASS:
        of_pass = photons[name].values
        if of_pass.dtype.kind in "UO":
            texts, places = np.unique(of_pass.astype(str), return_inverse=True)
            codes = pa.array(places.astype(np.int32)[index], pa.int32())
            yield (
                name,
                pa.DictionaryArray.from_arrays(codes, pa.array(texts.tolist(), pa.string())),
            )
        else:
            yield name, pa.array(of_pass[index])
    for key, array in photons.variables.items():
        name = str(key)
        if array.dims[:1] != (PHOTON,):
            continue
        if array.ndim == 1:
            yield name, pa.array(array.values)
        elif array.dims[1:] == (SURFACE_TYPE,):
            for place, surface in enumerate(photons[SURFACE_TYPE].values.tolist()):
                yield f"{name}_{surface}", pa.array(np.ascontiguousarray(array.values[:, place]))
        else:
            flat = array.values.reshape(len(array), -1)
            for place in range(flat.shape[1]):
                yield f"{name}_{place}", pa.array(np.ascontiguousarray(flat[:, place]))
