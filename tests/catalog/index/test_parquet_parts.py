"""Row groups put together byte for byte: what pyarrow reads of them is what was put in."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog_builder.catalog.index.parquet_parts import Part, PartedFile, join
from catalog_builder.errors import CatalogError


def _table(first: int, rows: int) -> pa.Table:
    numbers = range(first, first + rows)
    return pa.table(
        {
            "number": pa.array(numbers, pa.int64()),
            "text": pa.array([f"row {n}" if n % 3 else None for n in numbers], pa.string()),
            "box": [{"west": n / 7, "name": f"{n}" * (n % 40)} for n in numbers],
            "list": pa.array([[f"{n}"] * (n % 4) for n in numbers], pa.list_(pa.string())),
        }
    )


def _file(table: pa.Table, *, rows: int | None = None, **options: Any) -> PartedFile:
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=rows, **options)
    return PartedFile(sink)


def _joined(parts: list[Part]) -> bytes:
    out = io.BytesIO()
    assert join(parts, out) == sum(part.rows for part in parts)
    return out.getvalue()


@pytest.mark.parametrize("dictionary", [True, False])
@pytest.mark.parametrize("compression", ["zstd", "none"])
def test_parts_of_many_files_are_one_file(dictionary: bool, compression: str) -> None:
    options: dict[str, Any] = {"use_dictionary": dictionary, "compression": compression}
    counts = [700, 1, 40, 5000, 3]
    firsts = [sum(counts[:n]) for n in range(len(counts))]
    tables = [_table(first, count) for first, count in zip(firsts, counts, strict=True)]
    parts = [_file(table, **options).part(0) for table in tables]
    file = pq.ParquetFile(io.BytesIO(_joined(parts)))
    assert file.read().equals(_table(0, sum(counts)))
    assert [file.metadata.row_group(n).num_rows for n in range(len(counts))] == counts
    for number, table in enumerate(tables):
        assert file.read_row_group(number).equals(table)
        assert file.metadata.row_group(number).column(0).statistics.min == firsts[number]


def test_a_file_taken_apart_and_put_together_is_the_same() -> None:
    sink = io.BytesIO()
    pq.write_table(_table(0, 5000), sink, row_group_size=900)
    file = PartedFile(sink)
    assert len(file) == 6
    assert _joined([file.part(number) for number in range(6)]) == sink.getvalue()


def test_parts_may_leave_and_change_places() -> None:
    file = _file(_table(0, 500), rows=100)
    table = pq.read_table(io.BytesIO(_joined([file.part(4), file.part(0)])))
    assert table["number"].to_pylist() == [*range(400, 500), *range(100)]


def test_parts_of_other_columns_or_another_writer_are_refused() -> None:
    part = _file(_table(0, 5)).part(0)
    other = _file(_table(0, 5).drop_columns("list")).part(0)
    with pytest.raises(CatalogError, match="different makes"):
        join([part, other], io.BytesIO())
    with pytest.raises(CatalogError, match="different makes"):
        join([part, replace(part, common=replace(part.common, after=b""))], io.BytesIO())
    with pytest.raises(CatalogError, match="no row groups"):
        join([], io.BytesIO())


@pytest.mark.parametrize("body", [b"", b"PAR1", b"PAR1PAR1PAR1", bytes(200), b"\xff" * 200])
def test_what_is_no_parquet_is_told(body: bytes) -> None:
    with pytest.raises(CatalogError, match="cannot be taken apart"):
        PartedFile(io.BytesIO(body))


def test_a_file_with_page_indexes_is_not_taken_apart() -> None:
    with pytest.raises(CatalogError, match="page indexes"):
        _file(_table(0, 5), write_page_index=True)
