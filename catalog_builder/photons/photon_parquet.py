"""Photons as GeoParquet 1.1: a row a photon, in row groups that a reader can skip."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import orjson

from catalog_builder.photons.photon_stream import PhotonStream
from catalog_builder.photons.photon_table import photon_table
from catalog_builder.photons.spooled_blocks import Bounds

if TYPE_CHECKING:
    import pyarrow as pa
    import xarray as xr

ROW_GROUP: Final = 65_536
"""Photons of a row group, at most: neighbours along track."""

_OF_NETCDF: Final = ("Conventions", "featureType")
"""Attributes that say how the Dataset is laid out, not the table."""

_SIDES: Final = ("xmin", "ymin", "xmax", "ymax")


def write_parquet(stream: PhotonStream, path: Path) -> None:
    """Write points, a covering box a row, and the photons' other values.

    The bytes follow from the photons alone, however they come in chunks.
    """
    import pyarrow.parquet as pq

    attrs = {name: value for name, value in stream.attrs.items() if name not in _OF_NETCDF}
    metadata = {
        "geo": orjson.dumps(_geo(stream.bounds)),
        "catalog_builder": orjson.dumps(attrs, option=orjson.OPT_SERIALIZE_NUMPY),
    }
    tables = (
        (number, _with_geometry(chunk, photon_table(chunk, number)))
        for number, chunk in stream.chunks()
    )
    writer: pq.ParquetWriter | None = None
    try:
        for table in row_groups(tables, ROW_GROUP):
            table = table.replace_schema_metadata(metadata)
            if writer is None:
                writer = pq.ParquetWriter(path, table.schema, compression="zstd")
            writer.write_table(table, row_group_size=ROW_GROUP)
    finally:
        if writer is not None:
            writer.close()


def row_groups(tables: Iterator[tuple[int, pa.Table]], most: int) -> Iterator[pa.Table]:
    """Join and cut tables of passes to tables of at most ``most`` photons.

    A pass begins a new one where that is more than half full: so a group of a long pass holds no
    photons of another. Where there are no photons there is one table of none.
    """
    import pyarrow as pa

    held: list[pa.Table] = []
    rows = 0
    last: int | None = None
    schema: pa.Schema = None

    def joined() -> pa.Table:
        return pa.concat_tables(held).unify_dictionaries().combine_chunks()

    for number, table in tables:
        if schema is None:
            schema, held = table.schema, [table.slice(0, 0)]
        if rows and number != last and 2 * rows > most:
            yield joined()
            held, rows = [], 0
        last, rest = number, table.cast(schema)
        while rest.num_rows:
            part = rest.slice(0, most - rows)
            held.append(part)
            rows += part.num_rows
            rest = rest.slice(part.num_rows)
            if rows == most:
                yield joined()
                held, rows = [], 0
    if held:
        yield joined()


def _with_geometry(chunk: xr.Dataset, table: pa.Table) -> pa.Table:
    import pyarrow as pa
    import shapely

    lon, lat = chunk.lon_ph.values, chunk.lat_ph.values
    sides = [pa.array(values) for values in (lon, lat, lon, lat)]
    table = table.append_column("bbox", pa.StructArray.from_arrays(sides, _SIDES))
    points = pa.array(shapely.to_wkb(shapely.points(lon, lat)), pa.binary())
    return table.append_column("geometry", points)


def _geo(bounds: Bounds | None) -> dict[str, object]:
    column: dict[str, object] = {
        "encoding": "WKB",
        "geometry_types": ["Point"],
        "covering": {"bbox": {side: ["bbox", side] for side in _SIDES}},
    }
    if bounds is not None:
        column["bbox"] = list(bounds)
    return {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
