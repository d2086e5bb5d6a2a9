"""An updated index has the bytes of one that is built from the same items at once."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_items import make_indexed_item, make_item

from catalog_builder.catalog.build.reindex import write_index
from catalog_builder.catalog.index import partitions
from catalog_builder.catalog.index.merge import merged_row_groups
from catalog_builder.catalog.index.staged_items import StagedItems
from catalog_builder.catalog.index.writer import RowGroups, write_row_groups
from catalog_builder.catalog.stac.item import Item
from catalog_builder.errors import CatalogError

NUMBERS = range(0, 1500, 5)


@cache
def plain(number: int) -> Item:
    return make_item(number)


@cache
def indexed(number: int) -> Item:
    return make_indexed_item(number)


def revised(number: int) -> Item:
    item = plain(number)
    return {**item, "properties": {**item["properties"], "cmr:revision_id": 99}}


def updated(old: Path, items: Iterable[Item], gone: Iterable[str], new: Path) -> int:
    """Write the index ``new``: the old one with these items, and without those that are gone."""
    some = list(items)
    with TemporaryDirectory() as folder:
        rows = StagedItems(Path(folder), some)
        without = {*gone, *(item["id"] for item in some)}
        return write_row_groups(merged_row_groups(old, rows, without), new)


KINDS: dict[str, Callable[[int], Item]] = {"plain": plain, "indexed": indexed, "revised": revised}


@settings(max_examples=40, deadline=None)
@given(
    before=st.dictionaries(st.integers(0, 60), st.sampled_from(["plain", "indexed"]), min_size=1),
    after=st.dictionaries(st.integers(0, 60), st.sampled_from(sorted(KINDS))),
    gone=st.sets(st.integers(0, 60)),
    most=st.sampled_from([1, 4, 2000]),
    most_before=st.sampled_from([1, 4, 2000]),
)
def test_an_update_gives_the_bytes_of_a_full_build(
    before: dict[int, str], after: dict[int, str], gone: set[int], most: int, most_before: int
) -> None:
    """Also where the rows that stay were in other row groups before."""
    gone -= after.keys()
    left = {number: kind for number, kind in (before | after).items() if number not in gone}
    if not left:
        return
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        old, new, full = (Path(name) / one for one in ("old", "new", "full"))
        patch.setattr(partitions, "MOST_ROWS", most_before)
        write_index((KINDS[kind](number) for number, kind in before.items()), old)
        patch.setattr(partitions, "MOST_ROWS", most)
        write_index((KINDS[kind](number) for number, kind in left.items()), full)
        items = (KINDS[kind](number) for number, kind in after.items())
        assert updated(old, items, (plain(number)["id"] for number in gone), new) == len(left)
        assert new.read_bytes() == full.read_bytes()


def test_an_update_keeps_row_groups_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "MOST_ROWS", 20)
    old, new, full = (tmp_path / name for name in ("old", "new", "full"))
    dice = random.Random(3)
    gone = dice.sample(NUMBERS, 20)
    write_index(map(plain, NUMBERS), old)
    added = [*range(1, 1500, 50), *(number for number in NUMBERS if number % 100 == 0)]
    added = [number for number in added if number not in gone]
    updated(old, map(revised, added), (plain(number)["id"] for number in gone), new)
    left = {number: plain for number in NUMBERS if number not in gone}
    left |= dict.fromkeys(added, revised)
    write_index((make(number) for number, make in left.items()), full)
    assert pq.read_metadata(new).num_row_groups > 14
    assert new.read_bytes() == full.read_bytes()


def test_columns_of_beams_go_with_the_last_indexed_granule(tmp_path: Path) -> None:
    old, new, full = (tmp_path / name for name in ("old", "new", "full"))
    write_index([plain(5), indexed(10)], old)
    assert "icesat2:beams" in pq.read_schema(old).names
    updated(old, [], [indexed(10)["id"]], new)
    write_index([plain(5)], full)
    assert "icesat2:beams" not in pq.read_schema(new).names
    assert new.read_bytes() == full.read_bytes()


def open_checked(path: Path) -> Any:
    return pq.ParquetFile(path, page_checksum_verification=True)


def damage(path: Path, column: str) -> None:
    """Change one bit in the middle of a column's chunk."""
    group = pq.read_metadata(path).row_group(0)
    columns = (group.column(number) for number in range(group.num_columns))
    chunk = next(one for one in columns if one.path_in_schema == column)
    body = bytearray(path.read_bytes())
    body[chunk.data_page_offset + chunk.total_compressed_size // 2] ^= 1
    path.write_bytes(body)


@pytest.mark.parametrize("column", ["id", "geometry"])
def test_a_damaged_index_is_not_merged(tmp_path: Path, column: str) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    write_index(map(plain, NUMBERS), old)
    damage(old, column)
    with pytest.raises(CatalogError, match=r"old cannot be read .*--full"):
        updated(old, [revised(5)], [], new)
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


def test_what_is_no_index_is_not_merged(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_bytes(b"PAR1" * 20)
    with pytest.raises(CatalogError, match=r"old cannot be read .*--full"):
        updated(old, [plain(5)], [], tmp_path / "new")


def test_an_index_in_another_order_is_not_merged(tmp_path: Path) -> None:
    old = tmp_path / "old"
    write_index(map(plain, NUMBERS), old)
    rows = pq.read_table(old)
    pq.write_table(rows.take(pa.array(range(len(rows) - 1, -1, -1))), old)
    with pytest.raises(CatalogError, match="not in the order"):
        updated(old, [plain(5)], [], tmp_path / "new")


def test_an_index_is_not_replaced_where_reading_fails(tmp_path: Path) -> None:
    path = tmp_path / "items.parquet"
    write_index([plain(5)], path)
    before = path.read_bytes()
    schema = pq.read_schema(path)

    def tables() -> Any:
        yield pq.read_table(path)
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        write_row_groups(RowGroups(schema, tables()), path)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == before


def test_pages_have_checksums(tmp_path: Path) -> None:
    path = tmp_path / "items.parquet"
    write_index(map(plain, NUMBERS), path)
    damage(path, "geometry")
    with pytest.raises(OSError, match="CRC"), open_checked(path) as file:
        file.read(["geometry"])


def test_an_index_of_no_items_is_not_written(tmp_path: Path) -> None:
    write_index([plain(5)], tmp_path / "old")
    with pytest.raises(CatalogError, match="no item"):
        updated(tmp_path / "old", [], [plain(5)["id"]], tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
