"""STAC Items as rows of an Arrow table in the stac-geoparquet layout, and back.

The stac-geoparquet library converts; here its tables get one canonical schema, so that the same
items give the same table in whatever order they came, and a row becomes the very item it was.
Specification: https://github.com/stac-utils/stac-geoparquet/blob/main/spec/stac-geoparquet-spec.md
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pyarrow as pa

Item = dict[str, Any]
"""A STAC Item as JSON has it; its times are in UTC and end in ``Z``."""

KEYS: Final = (
    "icesat2:region",
    "start_datetime",
    "end_datetime",
    "id",
    "sat:relative_orbit",
    "sat:orbit_cycle",
    "bbox",
)
"""Columns that a search reads: the first ones, side by side, so that one request fetches them."""

_ORDER: Final = ("icesat2:region", "start_datetime", "id")
_TIMES: Final = ("datetime", "start_datetime", "end_datetime", "created", "updated")
_CHUNK: Final = 5000
"""Items held as dictionaries at a time: an Arrow table is some ten times smaller."""


def to_table(items: Iterable[Item]) -> pa.Table:
    """A row per item, sorted by region, then start, then id; at least one item."""
    import pyarrow as pa
    from stac_geoparquet.arrow import parse_stac_items_to_arrow

    chunks = [parse_stac_items_to_arrow(chunk).read_all() for chunk in _chunks(items)]
    schema = _canonical(pa.unify_schemas([c.schema for c in chunks], promote_options="permissive"))
    fitted = []
    for chunk in chunks:
        batch = chunk.combine_chunks().to_batches()[0]
        columns = [
            _fit(batch.column(field.name), field.type)
            if field.name in batch.schema.names
            else pa.nulls(len(batch), field.type)
            for field in schema
        ]
        fitted.append(pa.RecordBatch.from_arrays(columns, schema=schema))
    return (
        pa.Table.from_batches(fitted, schema)
        .sort_by([(name, "ascending") for name in _ORDER])
        .combine_chunks()
    )


def to_items(table: pa.Table) -> Iterator[Item]:
    """The items of the rows, each as it was: what a row has no value for is absent.

    ``datetime`` alone stays as null, which STAC asks for where an item has only an interval.
    """
    from stac_geoparquet.arrow import stac_table_to_items

    if len(table) == 0:
        return
    for row in stac_table_to_items(table):
        item = _present(row)
        properties = item["properties"]
        properties.setdefault("datetime", None)
        for key in _TIMES:
            if text := properties.get(key):
                properties[key] = _milliseconds(text)
        yield item


def _chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk


def _canonical(schema: pa.Schema) -> pa.Schema:
    """The search's columns first, the others and all nested fields by name."""
    import pyarrow as pa

    names = [name for name in KEYS if name in schema.names]
    names += sorted(set(schema.names) - set(names))
    fields = [schema.field(name) for name in names]
    return pa.schema([f if f.name == "bbox" else f.with_type(_sorted(f.type)) for f in fields])


def _sorted(kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    if pa.types.is_struct(kind):
        fields = sorted(kind, key=lambda field: str(field.name))
        return pa.struct([field.with_type(_sorted(field.type)) for field in fields])
    if pa.types.is_list(kind):
        return pa.list_(_sorted(kind.value_type))
    return kind


def _fit(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """The array with another order of its nested fields, nulls for the fields it lacks."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_struct(kind) and pa.types.is_struct(array.type):
        children = []
        for field in kind:
            index = array.type.get_field_index(field.name)
            children.append(
                pa.nulls(len(array), field.type)
                if index < 0
                else _fit(pc.struct_field(array, [index]), field.type)
            )
        return pa.StructArray.from_arrays(children, fields=list(kind), mask=array.is_null())
    if pa.types.is_list(kind) and pa.types.is_list(array.type):
        values = _fit(array.values, kind.value_type)
        return pa.ListArray.from_arrays(array.offsets, values, kind, mask=array.is_null())
    return array.cast(kind)


def _present(value: Any) -> Any:
    """The value without the fields that are null, at every depth."""
    if isinstance(value, dict):
        return {key: _present(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_present(inner) for inner in value]
    return value


def _milliseconds(text: str) -> str:
    """Time with as many decimals as our items have: three, or six where it takes them."""
    return f"{text[:-4]}Z" if text.endswith("000Z") else text
