"""Small index files that would fill the memory are refused before they are decoded."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sample_items import make_item

from catalog_builder.catalog.build.reindex import write_index
from catalog_builder.catalog.index import inflated_size
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.index.reader import open_table
from catalog_builder.errors import CatalogError
from catalog_builder.safe_folder import SafeFolder

COLUMN = "sat:orbit_state"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_index([make_item(number) for number in range(0, 140, 7)], tmp_path / "items.parquet")
    (tmp_path / "catalog.json").write_text("{}")
    monkeypatch.setattr(inflated_size, "MOST", 2**20)
    monkeypatch.setattr(inflated_size, "_MOST_AT_A_TIME", 2**18)
    return tmp_path / "items.parquet"


def with_column(rows: pa.Table, values: list[str]) -> pa.Table:
    place = rows.schema.get_field_index(COLUMN)
    field = rows.schema.field(place)
    return rows.set_column(place, field, pa.array(values, field.type))


@pytest.mark.parametrize("kind", ["compressed", "repeated", "empty rows"])
def test_what_would_fill_the_memory_is_refused(index: Path, kind: str) -> None:
    rows = pq.read_table(index)
    whole = rows
    if kind == "compressed":
        rows = with_column(rows, [f"{n}" + "a" * 2**17 for n in range(len(rows))])
    elif kind == "repeated":
        rows = with_column(rows, ["a" * 2**17] * len(rows))
    else:
        rows = rows.take(pa.array([0] * 200_000))
    pq.write_table(rows, index, compression="zstd", use_dictionary=kind == "repeated")
    assert index.stat().st_size < 2**20
    opened = ItemIndex.open(index.parent)
    with pytest.raises(CatalogError, match="is not read: row group 0 takes"):
        list(opened.dictionaries())
    assert (open_table(SafeFolder(index.parent)) is None) == (kind != "repeated")
    pq.write_table(whole, index, compression="zstd", use_dictionary=False)
    assert len(list(ItemIndex.open(index.parent).dictionaries())) == len(whole)


def test_a_dictionary_is_decoded_a_few_rows_at_a_time(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = list(ItemIndex.open(index.parent).dictionaries())
    rows = pq.read_table(index)
    pq.write_table(rows, index, compression="zstd", use_dictionary=True)
    monkeypatch.setattr(inflated_size, "_MOST_AT_A_TIME", 1)
    monkeypatch.setattr(
        inflated_size, "MOST", pq.read_metadata(index).row_group(0).total_byte_size * 10
    )
    assert list(ItemIndex.open(index.parent).dictionaries()) == expected
