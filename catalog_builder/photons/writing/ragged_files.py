"""Photons as the Dataset itself, in a NetCDF file or a Zarr store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from catalog_builder.beams.read.beam_reader import PHOTON
from catalog_builder.extras import needing
from catalog_builder.photons.writing.photon_stream import PhotonStream

if TYPE_CHECKING:
    import xarray as xr

CHUNK: Final = 262_144
"""Photons of a chunk of Zarr."""

_TIMES: Final = {"units": "nanoseconds since 2018-01-01", "dtype": "int64"}
"""Whole nanoseconds, so that the very same datetimes come back."""


def write_netcdf(stream: PhotonStream, path: Path) -> None:
    """Write NetCDF-4, compressed."""
    photons = stream.dataset()
    encoding = _encoding(photons)
    for name, array in photons.variables.items():
        if array.dims[:1] == (PHOTON,) and array.dtype.kind in "biufM" and len(array):
            encoding[str(name)] |= {"zlib": True, "complevel": 4, "shuffle": True}
    photons.drop_encoding().to_netcdf(path, engine="h5netcdf", encoding=encoding)


def write_zarr(stream: PhotonStream, path: Path) -> None:
    """Write Zarr of format 2, whose texts are specified, with consolidated metadata.

    Raises :class:`~catalog_builder.errors.MissingExtraError` without zarr.
    """
    with needing("zarr", "Writing Zarr"):
        import zarr  # noqa: F401  # xarray imports it
    photons = stream.dataset()
    encoding = _encoding(photons)
    for name, array in photons.variables.items():
        if array.dims[:1] == (PHOTON,) and len(array):
            encoding[str(name)]["chunks"] = (min(CHUNK, len(array)), *array.shape[1:])
    photons.drop_encoding().to_zarr(
        path, mode="w", encoding=encoding, zarr_format=2, consolidated=True
    )


def _encoding(photons: xr.Dataset) -> dict[str, dict[str, Any]]:
    encoding: dict[str, dict[str, Any]] = {str(name): {} for name in photons.variables}
    for key, array in photons.variables.items():
        if array.dtype.kind == "f" and "_FillValue" not in array.attrs:
            encoding[str(key)]["_FillValue"] = None  # else it would be given one
        if array.dtype.kind == "M":
            encoding[str(key)].update(_TIMES)
    return encoding
