"""The column ``covering`` of the index: a planar box around each footprint, for other readers.

GeoParquet's readers, such as ``geopandas.read_parquet(bbox=)``, test a box of each row before its
geometry, and know no box across ±180: of ``bbox``, whose west is there greater than its east, they
would find none. In this column such a footprint, which is split at ±180, reaches from -180 to 180.
It is made when the file is written, and left out of the rows that this package reads: it is no
part of an item.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from catalog_builder.catalog.index.schema import COVERING, SIDES

if TYPE_CHECKING:
    import pyarrow as pa

_OUTWARD: Final = (-np.inf, -np.inf, np.inf, np.inf)
"""In which direction each side is rounded."""


def with_covering(schema: pa.Schema) -> pa.Schema:
    """The schema of a file with the column, which comes last."""
    import pyarrow as pa

    return schema.append(
        pa.field(COVERING, pa.struct([pa.field(side, pa.float32()) for side in SIDES]))
    )


def add_covering(rows: pa.Table) -> pa.Table:
    """The rows with the column, by their ``bbox``: float32, rounded outward."""
    import pyarrow as pa
    import pyarrow.compute as pc

    bbox = rows["bbox"].combine_chunks()
    west, south, east, north = (pc.struct_field(bbox, side).to_numpy() for side in SIDES)
    crosses = west > east
    sides = np.where(crosses, -180.0, west), south, np.where(crosses, 180.0, east), north
    arrays = []
    for exact, outward in zip(sides, _OUTWARD, strict=True):
        near = exact.astype(np.float32)
        inside = near > exact if outward < 0 else near < exact
        arrays.append(pa.array(np.where(inside, np.nextafter(near, np.float32(outward)), near)))
    column = pa.StructArray.from_arrays(arrays, names=list(SIDES))
    return rows.append_column(COVERING, column)
