"""Converts STAC Items to rows of an Arrow table in the stac-geoparquet layout, and back.

The columns are always the same, so that the same items give the same table in whatever order they
were added, and a row gives exactly the item that it was made from.
Specification: https://github.com/stac-utils/stac-geoparquet/blob/main/spec/stac-geoparquet-spec.md
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from catalog_builder.catalog.index.json_columns import to_arrays
from catalog_builder.catalog.stac.beam_assets import BEAM_FACTS
from catalog_builder.catalog.stac.item import Item
from catalog_builder.catalog.stac.layout import optional_assets
from catalog_builder.catalog.stac.sibling_links import PROPERTIES
from catalog_builder.errors import CatalogError

if TYPE_CHECKING:
    import pyarrow as pa

_TOP: Final = frozenset(
    ("type", "stac_version", "stac_extensions", "id", "links", "assets", "collection")
)
"""Fields of an item that are columns; each of its ``properties`` is a column too."""

_NO_FIELDS: Final = ("geometry", "bbox", "properties")
"""Fields of an item that are converted otherwise."""

_DAMAGE: Final = (
    *(ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError),
    shapely.errors.ShapelyError,
)
"""What comes of geometries, boxes and values that are none."""

_TIMES: Final = ("datetime", "start_datetime", "end_datetime", "created", "updated")


def has_beams(item: Item) -> bool:
    """Whether the granule's beams were indexed."""
    return BEAM_FACTS in item["properties"]


def names_siblings(item: Item) -> bool:
    """Whether an item names siblings."""
    return not item["properties"].keys().isdisjoint(PROPERTIES)


def extra_assets_of(items: Iterable[Item]) -> frozenset[str]:
    """The assets of items that few catalogs have."""
    return optional_assets(key for item in items for key in item["assets"])


def to_rows(
    items: Sequence[Item], schema: pa.Schema, geometries: Sequence[bytes] | None = None
) -> pa.RecordBatch:
    """A row for each item, in their order, with the columns of :func:`item_schema`.

    ``geometries`` are those of the items as WKB, if known. Raises
    :class:`~catalog_builder.errors.CatalogError` for an item with a field that has no column, or a
    value of another type than its column.
    """
    import pyarrow as pa

    top = [field for field in schema if field.name in _TOP]
    inner = [field for field in schema if field.name not in _TOP and field.name not in _NO_FIELDS]
    try:
        if geometries is None:
            shapes = [shapely.geometry.shape(item["geometry"]) for item in items]
            geometries = shapely.to_wkb(np.array(shapes, dtype=object)).tolist()
        columns = {
            "geometry": pa.array(geometries, pa.binary()),
            "bbox": _boxes([item["bbox"] for item in items], schema.field("bbox").type),
        }
        for fields, objects, others in (
            (top, items, len(_NO_FIELDS)),
            (inner, [item["properties"] for item in items], 0),
        ):
            arrays = to_arrays(objects, fields, passed_by=others)
            columns |= zip((field.name for field in fields), arrays, strict=True)
    except (*_DAMAGE, pa.ArrowException) as error:
        raise CatalogError(f"An item does not fit the columns of the index: {error}.") from error
    return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)


def _boxes(boxes: Sequence[Sequence[float]], kind: pa.DataType) -> pa.Array:
    """The column of boxes, with named sides."""
    import pyarrow as pa

    sides = np.array(boxes, dtype=np.float64).reshape(len(boxes), -1 if len(boxes) else len(kind))
    if sides.shape[1] != len(kind):
        raise ValueError(f"a bbox of {sides.shape[1]} numbers, not {len(kind)}")
    return pa.StructArray.from_arrays(
        [pa.array(side) for side in sides.T.copy()], fields=list(kind)
    )


def sorted_order(table: pa.Table) -> pa.Array:
    """Numbers of the rows by region, then year, then from west to east, then start, then id.

    So a row group has neighbouring tracks of one region and year, and a search by place and time
    reads few row groups.
    """
    import pyarrow.compute as pc

    west, year = pc.struct_field(table["bbox"], "xmin"), pc.year(table["start_datetime"])
    keys = table.select(["icesat2:region", "start_datetime", "id"])
    keys = keys.append_column("west", west).append_column("year", year)
    order = ("icesat2:region", "year", "west", "start_datetime", "id")
    return pc.sort_indices(keys, [(name, "ascending") for name in order])


def to_items(table: pa.Table) -> Iterator[Item]:
    """The items of the rows, without fields that are null.

    Only ``datetime`` may be null, as STAC requires of an item with an interval alone.
    """
    for batch in table.to_batches():
        geometries = shapely.from_wkb(batch["geometry"])
        for row, geometry in zip(batch.to_struct_array(), geometries, strict=True):
            yield _item(row.as_py(), geometry)


def _item(row: dict[str, Any], geometry: Any) -> Item:
    """The item of a row, whose geometry is given as a shape."""
    del row["geometry"]  # the bytes of it
    box = list(row.pop("bbox").values())
    properties: dict[str, Any] = {"datetime": None}
    for name in [name for name in row if name not in _TOP]:  # in the order of the columns
        value = row.pop(name)
        if value is not None:
            in_text = name in _TIMES and isinstance(value, datetime)
            properties[name] = _milliseconds(value) if in_text else _present(value)
    shape = _lists(shapely.geometry.mapping(geometry))
    return {**_present(row), "geometry": shape, "bbox": box, "properties": properties}


def _present(value: Any) -> Any:
    """A value without the fields in it that are null, at every depth."""
    if isinstance(value, dict):
        return {key: _present(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_present(inner) for inner in value]
    return value


def _lists(value: Any) -> Any:
    """The coordinates of a geometry in lists, as JSON has them."""
    if isinstance(value, dict):
        return {key: _lists(inner) for key, inner in value.items()}
    if not isinstance(value, tuple | list):
        return value
    # A position is the most of it.
    return [*value] if value and isinstance(value[0], float) else [*map(_lists, value)]


def _milliseconds(time: datetime) -> str:
    """A time in UTC with three decimals, as in our items, or six if needed."""
    text = time.replace(tzinfo=None).isoformat(timespec="microseconds")
    return f"{text.removesuffix('000')}Z"
