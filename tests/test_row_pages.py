"""Rows on disk, page by page: each comes back from its place, in the columns asked for."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
from sample_items import make_item

from catalog_builder.catalog.index_groups import cells_of, part_of
from catalog_builder.catalog.item_schema import item_schema
from catalog_builder.catalog.item_table import to_rows
from catalog_builder.catalog.row_pages import RowPlace, page_path, read_rows, write_page
from catalog_builder.catalog.row_spool import RowSpool

SCHEMA = item_schema(beams=False)
SCHEMA_OF_SAT = next(url for url in make_item(0)["stac_extensions"] if "/sat/" in url)


def test_rows_come_back_from_their_places(tmp_path: Path) -> None:
    dice = random.Random(7)
    where: dict[str, RowPlace] = {}
    for page in (3, 1, 8):
        numbers = dice.sample(range(page * 9000, page * 9000 + 900), 260)
        items = list(map(make_item, numbers))
        rows = to_rows(items, SCHEMA)
        cells = cells_of(rows).tolist()
        places = write_page(tmp_path, page, rows, cells)
        where |= zip(rows["id"].to_pylist(), places, strict=True)
        batch_of = dict(
            zip(part_of(np.array(cells)).tolist(), (p.batch for p in places), strict=True)
        )
        assert len(set(batch_of.values())) == len(batch_of) == 14
        assert {place.batch for place in places} == set(batch_of.values())
        same_in_all = SCHEMA_OF_SAT.encode()
        assert page_path(tmp_path, page).read_bytes().count(same_in_all) == 1
    for count in (1, 40, len(where)):
        some = sorted(dice.sample(sorted(where.items()), count), key=lambda one: one[1])
        found = read_rows(tmp_path, [place for _, place in some], SCHEMA)
        assert found["id"].to_pylist() == [name for name, _ in some]
    assert read_rows(tmp_path, [], SCHEMA).equals(SCHEMA.empty_table())
    wider = read_rows(tmp_path, sorted(where.values()), item_schema(beams=True))
    assert wider.schema.equals(item_schema(beams=True))
    assert wider["id"].equals(found["id"])


def test_a_spool_holds_every_item_in_its_cell(tmp_path: Path) -> None:
    items = {item["id"]: item for item in map(make_item, range(0, 9000, 4))}
    spool = RowSpool(tmp_path, iter(items.values()))
    cells, counts = spool.cells()
    assert counts.sum() == len(items)
    assert not spool.any_beams()
    found: list[str] = []
    for cell, count in zip(cells.tolist(), counts.tolist(), strict=True):
        rows = read_rows(tmp_path, spool.places(cell, cell + 1), SCHEMA)
        assert len(rows) == count
        assert set(cells_of(rows).tolist()) == {cell}
        found += rows["id"].to_pylist()
    assert sorted(found) == sorted(items)
