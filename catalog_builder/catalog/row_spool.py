"""Rows of items that come one after the other, on disk until they are sorted."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from catalog_builder.catalog.index_groups import Cells, cells_of, part_of
from catalog_builder.catalog.item_schema import item_schema
from catalog_builder.catalog.item_table import has_beams, to_rows
from catalog_builder.catalog.row_pages import PageWriter, RowPlace

if TYPE_CHECKING:
    from catalog_builder.catalog.item_table import Item

_PAGE: Final = 1000
"""Items held at a time."""


class RowSpool:
    """The rows of items, in a folder."""

    def __init__(self, folder: Path, items: Iterable[Item]) -> None:
        """Reads all of the items, and writes their rows to the folder, which is empty."""
        self.folder = folder
        self._beams = False
        cells, places = [np.empty(0, np.int64)], [np.empty((0, 3), np.int64)]
        remaining = iter(items)
        for page in count():
            some = list(islice(remaining, _PAGE))
            if not some:
                break
            beams = any(map(has_beams, some))
            self._beams |= beams
            schema = item_schema(beams=beams)
            rows = to_rows(some, schema)
            found = cells_of(rows)
            order = np.argsort(part_of(found), kind="stable")
            parts = part_of(found[order]).tolist()
            with PageWriter(folder, page, schema) as writer:
                places.append(np.array(writer.places(parts), np.int64))
                writer.write(rows.take(order), parts)
            cells.append(found[order])
        self._cells, self._places = np.concatenate(cells), np.concatenate(places)
        order = np.argsort(self._cells, kind="stable")
        self._cells, self._places = self._cells[order], self._places[order]

    def any_beams(self) -> bool:
        """Whether one is of an indexed granule."""
        return self._beams

    def cells(self) -> tuple[Cells, Cells]:
        """Which cells of the index they are in, sorted, and how many are in each."""
        return np.unique(self._cells, return_counts=True)

    def places(self, low: int, high: int) -> list[RowPlace]:
        """Where those lie that are in some cells, the last one not included; sorted."""
        first, last = np.searchsorted(self._cells, (low, high))
        return sorted(map(RowPlace._make, self._places[first:last].tolist()))
