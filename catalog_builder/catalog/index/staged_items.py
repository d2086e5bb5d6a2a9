"""Rows of items that come one after the other, on disk until they are sorted."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from catalog_builder.catalog.index.partitions import Cells, cells_of
from catalog_builder.catalog.index.schema import item_schema
from catalog_builder.catalog.index.staging import RowPlace, write_page
from catalog_builder.catalog.index.to_arrow import has_beams, to_rows

if TYPE_CHECKING:
    from catalog_builder.catalog.stac.item import Item

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
            rows = to_rows(some, item_schema(beams=beams))
            found = cells_of(rows)
            cells.append(found)
            places.append(np.array(write_page(folder, page, rows, found.tolist())))
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
