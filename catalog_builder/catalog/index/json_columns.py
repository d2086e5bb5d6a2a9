"""Converts JSON values to Arrow columns, field by field, for many items at once.

pyarrow converts dictionaries row by row, which takes ten times as long, and ignores fields without
a column.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from catalog_builder.errors import CatalogError

if TYPE_CHECKING:
    import pyarrow as pa


def to_array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """An array of JSON values, None for nulls; times are text with a zone.

    Raises :class:`~catalog_builder.errors.CatalogError` for an object with a field that the type
    lacks, and an error of pyarrow's for a value of another type.
    """
    import pyarrow as pa

    if _are_one(values):
        return to_array(values[:1], kind).take(pa.array(np.zeros(len(values), np.int32)))
    if isinstance(kind, pa.StructType):
        nulls = np.array([value is None for value in values], dtype=bool)
        objects = [{} if value is None else value for value in values] if nulls.any() else values
        return pa.StructArray.from_arrays(
            to_arrays(objects, list(kind)), fields=list(kind), mask=pa.array(nulls)
        )
    if isinstance(kind, pa.ListType) and isinstance(kind.value_type, pa.StructType | pa.ListType):
        nulls = np.array([value is None for value in values], dtype=bool)
        lists = [() if value is None else value for value in values]
        ends = np.cumsum([0, *map(len, lists)], dtype=np.int32)
        inner = to_array(list(chain.from_iterable(lists)), kind.value_type)
        return pa.ListArray.from_arrays(pa.array(ends), inner, type=kind, mask=pa.array(nulls))
    if isinstance(kind, pa.TimestampType):
        return pa.array(values, pa.string()).cast(kind)
    return pa.array(values, kind)


def to_arrays(
    objects: Sequence[Mapping[str, Any]], fields: Sequence[pa.Field], *, passed_by: int = 0
) -> list[pa.Array]:
    """An array for each field of JSON objects.

    ``passed_by`` is the number of other fields that each object has. Raises as :func:`to_array`.
    """
    names = [field.name for field in fields]
    try:
        # Object by object: each is fetched from memory once.
        rows, found = _rows(objects, names)
    except AttributeError as error:
        raise CatalogError(f"An item does not fit the columns of the index: {error}.") from error
    columns = zip(*rows, strict=True) if rows else ([] for _ in fields)
    arrays = [to_array(column, field.type) for column, field in zip(columns, fields, strict=True)]
    if found is None:
        found = sum(len(array) - array.null_count for array in arrays)
    if found != sum(map(len, objects)) - passed_by * len(objects):
        _require_columns(objects, set(names), passed_by)
    return arrays


def _rows(
    objects: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> tuple[list[tuple[Any, ...]], int | None]:
    """The values of some fields of each object, None for a missing field.

    Also the number of all values, if every object has every field; else None.
    """
    if len(names) > 1:
        with contextlib.suppress(KeyError, TypeError):
            # In C, which takes a third of the time.
            return list(map(itemgetter(*names), objects)), len(names) * len(objects)
    return [tuple(map(one.get, names)) for one in objects], None


def _are_one(values: Sequence[Any]) -> bool:
    """Whether all of several values are the same object: items share many of their values."""
    first = values[0] if values else None
    return len(values) > 1 and values[-1] is first and all(value is first for value in values)


def _require_columns(
    objects: Sequence[Mapping[str, Any]], names: set[str], passed_by: int
) -> None:
    """Raise CatalogError if a field of an object has no column."""
    for one in objects:
        unknown = sorted(set(one) - names)
        if len(unknown) > passed_by:
            raise CatalogError(
                "An item does not fit the columns of the index: "
                f"there is none for {', '.join(map(repr, unknown))}."
            )


def fit(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table with exactly these columns; missing ones are null, also within structures.

    Raises :class:`~catalog_builder.errors.CatalogError` for a column of another type.
    """
    import pyarrow as pa

    if table.schema.equals(schema, check_metadata=True):
        return table
    if table.schema.equals(schema):
        return pa.Table.from_arrays(table.columns, schema=schema)  # without a file's metadata
    columns = []
    for field in schema:
        if field.name not in table.schema.names:
            columns.append(pa.nulls(len(table), field.type))
            continue
        column = table[field.name]
        try:
            columns.append(_fit(column.combine_chunks(), field.type))
        except pa.ArrowException as error:
            raise CatalogError(
                f"The column {field.name} of the index is {column.type}, "
                f"not {field.type}: {error}."
            ) from error
    return pa.Table.from_arrays(columns, schema=schema)


def _fit(array: Any, kind: pa.DataType) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks else pa.array([], array.type)
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if array.type == kind:
        return array
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), kind)
    if pa.types.is_list(kind) and pa.types.is_list(array.type):
        ends = np.cumsum([0, *pc.fill_null(pc.list_value_length(array), 0).to_pylist()])
        inner = _fit(array.flatten(), kind.value_type)
        offsets = pa.array(ends, pa.int32())
        return pa.ListArray.from_arrays(offsets, inner, type=kind, mask=array.is_null())
    if not (pa.types.is_struct(kind) and pa.types.is_struct(array.type)):
        return array.cast(kind)
    children = [
        pa.nulls(len(array), field.type)
        if (index := array.type.get_field_index(field.name)) < 0
        else _fit(pc.struct_field(array, [index]), field.type)
        for field in kind
    ]
    return pa.StructArray.from_arrays(children, fields=list(kind), mask=array.is_null())
