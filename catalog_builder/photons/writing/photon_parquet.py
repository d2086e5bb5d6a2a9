"""Photons as GeoParquet 1.1: a row a photon, in row groups that a reader can skip."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from catalog_builder.photons.tables.photon_table import arrow_array, numpy_array
from catalog_builder.photons.writing.photon_stream import PhotonStream, table_attributes
from catalog_builder.photons.writing.spooled_blocks import Bounds

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP: Final = 65_536
"""Photons of a row group, at most: neighbours along track."""

_NUMPY: Final = orjson.OPT_SERIALIZE_NUMPY
_WKB_POINT: Final = np.dtype([("order", "u1"), ("type", "<u4"), ("x", "<f8"), ("y", "<f8")])
_SIDES: Final = ("xmin", "ymin", "xmax", "ymax")


def write_parquet(stream: PhotonStream, path: Path) -> None:
    """Write points, a covering box a row, and the photons' other values.

    The bytes follow from the photons alone, however they come in chunks.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    metadata = {
        "geo": orjson.dumps(_geo(stream.bounds)),
        "catalog_builder": orjson.dumps(table_attributes(stream), option=_NUMPY),
    }
    tables = ((number, _with_geometry(table)) for number, table in stream.tables())
    writer: pq.ParquetWriter | None = None
    try:
        for table in row_groups(tables, ROW_GROUP):
            table = table.replace_schema_metadata(metadata)
            if writer is None:
                how = _encodings(table.schema)
                # Arrow's own allocator keeps 35 MB more of what the writer has freed.
                pool = pa.system_memory_pool()
                writer = pq.ParquetWriter(path, table.schema, memory_pool=pool, **how)
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
    pool = pa.system_memory_pool()
    rows = 0
    last: int | None = None
    schema: pa.Schema = None

    def joined() -> pa.Table:
        whole = pa.concat_tables(held, memory_pool=pool).unify_dictionaries(pool)
        return whole.combine_chunks(pool)

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


def _with_geometry(table: pa.Table) -> pa.Table:
    import pyarrow as pa

    lon, lat = (numpy_array(table.column(name).combine_chunks()) for name in ("lon_ph", "lat_ph"))
    # Half the bytes of float64; the box grows by what rounding takes, and still covers the point.
    sides = [arrow_array(_below(values)) for values in (lon, lat)]
    sides += [arrow_array(-_below(-values)) for values in (lon, lat)]
    table = table.append_column("bbox", pa.StructArray.from_arrays(sides, _SIDES))
    return table.append_column("geometry", _points(lon, lat))


def _points(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> pa.Array:
    """Points in WKB, little endian."""
    import pyarrow as pa

    points = np.empty(len(lon), _WKB_POINT)
    points["order"], points["type"], points["x"], points["y"] = 1, 1, lon, lat
    ends = np.arange(len(lon) + 1, dtype=np.int32) * _WKB_POINT.itemsize
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(points.view(np.uint8))]
    return pa.Array.from_buffers(pa.binary(), len(lon), buffers)


def _below(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """The nearest float32 that is not above."""
    near = values.astype(np.float32)
    return np.where(near > values, np.nextafter(near, np.float32(-np.inf)), near)


def _encodings(schema: pa.Schema) -> dict[str, Any]:
    """How columns are stored: less than half the bytes and time of the writer's defaults."""
    import pyarrow as pa

    numbers: dict[str, str] = {f"bbox.{side}": "BYTE_STREAM_SPLIT" for side in _SIDES}
    repeated = []
    for field in schema:
        if pa.types.is_floating(field.type):
            numbers[field.name] = "BYTE_STREAM_SPLIT"
        elif pa.types.is_timestamp(field.type):
            numbers[field.name] = "DELTA_BINARY_PACKED"
        elif pa.types.is_integer(field.type) or pa.types.is_dictionary(field.type):
            repeated.append(field.name)
    return {"compression": "zstd", "use_dictionary": repeated, "column_encoding": numbers}


def _geo(bounds: Bounds | None) -> dict[str, object]:
    column: dict[str, object] = {
        "encoding": "WKB",
        "geometry_types": ["Point"],
        "covering": {"bbox": {side: ["bbox", side] for side in _SIDES}},
    }
    if bounds is not None:
        column["bbox"] = list(bounds)
    return {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
