"""A changed bit in the rows of ``items.parquet`` is an error, never another answer."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from sample_items import make_item
from scripted_server import ScriptedServer
from web_folder import serve_folder

from catalog_builder.catalog.build.reindex import write_index
from catalog_builder.catalog.index import partitions
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.errors import CatalogError

CASES = 60
BOX = [-180.0, -90.0, 180.0, 90.0]


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(partitions, "MOST_ROWS", 100)
    write_index([make_item(number) for number in range(0, 1400, 7)], tmp_path / "items.parquet")
    (tmp_path / "catalog.json").write_text("{}")
    return tmp_path


def answers(where: str | Path) -> list[Any]:
    """What a catalog answers to a search, to the place of an item, and to all columns."""
    index = ItemIndex.open(where)
    found = index.search(bbox=BOX, datetime="2018-10-14/2019-12-31")
    return [sorted(found.to_table(["id"])["id"].to_pylist()), list(index.dictionaries())]


@pytest.mark.parametrize("remote", [False, True])
def test_a_changed_bit_is_never_another_answer(catalog: Path, remote: bool) -> None:
    path = catalog / "items.parquet"
    whole = path.read_bytes()
    rows = int.from_bytes(whole[-8:-4], "little") + 8
    expected = answers(catalog)
    random_bits = random.Random(5)
    refused = 0
    with ScriptedServer(serve_folder(catalog)) as server:
        for _ in range(CASES):
            bit = random_bits.randrange(4 * 8, (len(whole) - rows) * 8)
            changed = bytearray(whole)
            changed[bit // 8] ^= 1 << bit % 8
            path.write_bytes(changed)
            try:
                assert answers(server.url if remote else catalog) == expected
            except CatalogError:
                refused += 1
    assert refused > CASES / 2
