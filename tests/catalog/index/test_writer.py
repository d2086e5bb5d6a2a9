"""The file of the index: its order, its row groups, and how it is replaced."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sample_items import make_item, make_table

from catalog_builder.catalog.build.reindex import write_index
from catalog_builder.catalog.index.writer import RowGroups, split_sorted, write_row_groups
from catalog_builder.errors import CatalogError
from tests.catalog.index.searched_items import WORLD


def test_the_same_items_give_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    items = list(WORLD.values())
    write_index(items, tmp_path / "a.parquet")
    for seed in range(3):
        random.Random(seed).shuffle(items)
        write_index(iter(items), tmp_path / "b.parquet")
        assert (tmp_path / "b.parquet").read_bytes() == (tmp_path / "a.parquet").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.parquet", "b.parquet"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "items.parquet"
    path.write_text("old")

    def broken() -> Iterator[dict[str, Any]]:
        yield make_item(0)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_index(broken(), path)
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]


def test_rows_are_sorted_and_grouped_for_search(catalog: Path) -> None:
    file = pq.ParquetFile(catalog / "items.parquet")
    counts = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    assert len(counts) > 8
    assert max(counts) <= 100
    rows = file.read(["icesat2:region", "start_datetime", "bbox"]).to_pylist()
    keys = [
        (row["icesat2:region"], row["start_datetime"].year, row["bbox"]["xmin"]) for row in rows
    ]
    assert keys == sorted(keys)
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    geo = json.loads(file.schema_arrow.metadata[b"geo"])
    assert geo["version"] == "1.1.0"
    assert geo["columns"]["geometry"]["covering"]["bbox"]["xmin"] == ["covering", "xmin"]


def test_rows_in_any_order_become_row_groups_of_the_wanted_lengths() -> None:
    rows = make_table(map(make_item, range(0, 90, 3)))
    shuffled = rows.take(pa.array(np.random.default_rng(5).permutation(len(rows))))
    parts = list(split_sorted(shuffled, [4, 1, 25]))
    assert [len(part) for part in parts] == [4, 1, 25]
    assert pa.concat_tables(parts).equals(rows)
    assert all(column.num_chunks == 1 for part in parts for column in part.columns)


def test_each_table_is_a_row_group_and_the_number_of_rows_is_returned(tmp_path: Path) -> None:
    rows = make_table(map(make_item, range(30)))
    path = tmp_path / "items.parquet"
    row_groups = RowGroups(rows.schema, iter([rows.slice(0, 7), rows.slice(7)]))
    assert write_row_groups(row_groups, path) == 30
    metadata = pq.read_metadata(path)
    assert [metadata.row_group(n).num_rows for n in range(2)] == [7, 23]
    assert pq.read_table(path, columns=rows.column_names).equals(rows)
    with pytest.raises(CatalogError, match=r"items\.parquet is not written: there is no item"):
        write_row_groups(RowGroups(rows.schema, []), path)
    assert pq.read_table(path, columns=rows.column_names).equals(rows)
    assert [entry.name for entry in tmp_path.iterdir()] == ["items.parquet"]
