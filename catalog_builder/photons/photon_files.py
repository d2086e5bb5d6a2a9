"""Writes photons to a file: GeoParquet, NetCDF or CSV, by its suffix."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from catalog_builder.errors import PhotonsError
from catalog_builder.photons.photon_table import photon_table, require_photons

if TYPE_CHECKING:
    import xarray as xr

ROW_GROUP: Final = 65_536
"""Photons of a row group of GeoParquet: neighbours along track, which a reader can skip."""

_TIMES: Final = {"units": "nanoseconds since 2018-01-01", "dtype": "int64"}
"""Whole nanoseconds, so that the very same datetimes come back."""


def write_photons(photons: xr.Dataset, path: str | os.PathLike[str]) -> Path:
    """Write what :func:`~catalog_builder.photons.open_photons.open_photons` returns to a file.

    The suffix says how. ``.parquet``: GeoParquet 1.1, a row a photon as points, pass by pass and
    along track, with a covering box a row and row groups of neighbours. ``.nc``: the Dataset as
    it is; ``xarray.open_dataset(path, mask_and_scale=False)`` gives it back, value for
    value. ``.csv``: a row a photon. A file that is there is replaced once the new one is whole.

    Returns the path. Raises :class:`~catalog_builder.errors.PhotonsError` for another suffix, and
    for a Dataset that is none of ``open_photons``.
    """
    to = Path(path)
    write = WRITERS.get(to.suffix.lower())
    if write is None:
        raise PhotonsError(
            f"Photons are written to {', '.join(WRITERS)}; {to.name} ends in none of them."
        )
    require_photons(photons)
    part = to.with_name(f".{to.name}.part{to.suffix}")
    try:
        write(photons, part)
        part.replace(to)
    finally:
        part.unlink(missing_ok=True)
    return to


def _write_parquet(photons: xr.Dataset, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq
    import shapely

    table = photon_table(photons)
    lon, lat = photons.lon_ph.values, photons.lat_ph.values
    sides = {"xmin": lon, "ymin": lat, "xmax": lon, "ymax": lat}
    box = pa.StructArray.from_arrays([pa.array(v) for v in sides.values()], list(sides))
    table = table.append_column("bbox", box)
    points = pa.array(shapely.to_wkb(shapely.points(lon, lat)), pa.binary())
    table = table.append_column("geometry", points)
    bounds = [lon.min(), lat.min(), lon.max(), lat.max()] if len(lon) else []
    geo = {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {
            "geometry": {
                "encoding": "WKB",
                "geometry_types": ["Point"],
                **({"bbox": [float(value) for value in bounds]} if bounds else {}),
                "covering": {"bbox": {side: ["bbox", side] for side in sides}},
            }
        },
    }
    metadata = {"geo": orjson.dumps(geo), "catalog_builder": orjson.dumps(dict(photons.attrs))}
    pq.write_table(
        table.replace_schema_metadata(metadata),
        path,
        row_group_size=ROW_GROUP,
        compression="zstd",
    )


def _write_netcdf(photons: xr.Dataset, path: Path) -> None:
    encoding: dict[str, Any] = {
        str(name): {"zlib": True, "complevel": 4, "shuffle": True}
        for name, array in photons.variables.items()
        if array.dims[:1] == ("photon",) and array.dtype.kind in "biufM" and len(array)
    }
    for key, array in photons.variables.items():
        name = str(key)
        if array.dtype.kind == "f" and "_FillValue" not in array.attrs:
            encoding.setdefault(name, {})["_FillValue"] = None  # else it would be given one
        if array.dtype.kind == "M":
            encoding.setdefault(name, {}).update(_TIMES)
    photons.drop_encoding().to_netcdf(path, engine="h5netcdf", encoding=encoding)


def _write_csv(photons: xr.Dataset, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.csv

    table = photon_table(photons)
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):  # the writer knows none
            plain = table.column(place).cast(field.type.value_type)
            table = table.set_column(place, field.name, plain)
    pyarrow.csv.write_csv(table, path)


WRITERS: Final[dict[str, Callable[[Any, Path], None]]] = {
    ".parquet": _write_parquet,
    ".nc": _write_netcdf,
    ".csv": _write_csv,
}
"""What writes a file of each suffix."""
