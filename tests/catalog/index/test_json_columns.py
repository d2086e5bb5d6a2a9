"""Rows with other columns than the index has are brought to its columns, or refused."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from catalog_builder.catalog.index.json_columns import fit
from catalog_builder.errors import CatalogError

WANTED: Any = pa.struct([("first", pa.int64()), ("second", pa.string())])


def column(values: list[Any], kind: Any) -> pa.Table:
    return pa.table({"column": pa.array(values, kind)})


@pytest.mark.parametrize("chunks", [1, 2])
@pytest.mark.parametrize(
    ("values", "kind", "wanted", "expected"),
    [
        ([None, None], pa.null(), WANTED, [None, None]),
        ([None, None], pa.null(), pa.list_(WANTED), [None, None]),
        ([{"first": 1}, None], pa.struct([("first", pa.int64())]), WANTED, None),
        ([{"first": None}, None], pa.struct([("first", pa.null())]), WANTED, None),
        ([{"second": "a", "first": 1}], pa.struct([*WANTED][::-1]), WANTED, None),
        (
            [[{"first": 1}, None], None, [], [{"first": 2}]],
            pa.list_(pa.struct([("first", pa.int64())])),
            pa.list_(WANTED),
            [
                *([{"first": 1, "second": None}, None], None, []),
                [{"first": 2, "second": None}],
            ],
        ),
        (["a", "b", "a"], pa.dictionary(pa.int32(), pa.string()), pa.string(), ["a", "b", "a"]),
        ([1, None], pa.int32(), pa.int64(), [1, None]),
    ],
)
def test_rows_are_brought_to_the_columns(
    values: list[Any], kind: Any, wanted: Any, expected: list[Any] | None, chunks: int
) -> None:
    if expected is None:
        blank = dict.fromkeys(("first", "second"))
        expected = [None if value is None else blank | value for value in values]
    table = pa.concat_tables([column(values, kind)] * chunks).slice(0, len(values) * chunks)
    found = fit(table, pa.schema([("column", wanted), ("other", WANTED)]))
    found.validate(full=True)
    assert found["column"].type == wanted
    assert found["column"].to_pylist() == expected * chunks
    assert found["other"].null_count == len(table)
    tail = fit(table.slice(1), pa.schema([("column", wanted)]))
    assert tail["column"].to_pylist() == (expected * chunks)[1:]


@pytest.mark.parametrize("kind", [pa.string(), pa.list_(pa.string())])
def test_a_column_of_something_else_is_refused(kind: Any) -> None:
    table = column([["text"] if pa.types.is_list(kind) else "text"], kind)
    with pytest.raises(CatalogError, match=r"The column column of the index is .*, not struct"):
        fit(table, pa.schema([("column", WANTED)]))
