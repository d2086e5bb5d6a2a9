"""Stages the rows of items on disk until they are sorted into row groups."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from catalog_builder.catalog.index.partitions import Partitions, partitions_of
from catalog_builder.catalog.index.schema import item_schema
from catalog_builder.catalog.index.staging import RowLocation, write_page
from catalog_builder.catalog.index.to_arrow import (
    extra_assets_of,
    has_beams,
    names_siblings,
    to_rows,
)

if TYPE_CHECKING:
    from catalog_builder.catalog.stac.item import Item

_PAGE: Final = 1000
"""Items held in memory at a time."""


class StagedItems:
    """The rows of items, in a folder."""

    def __init__(self, folder: Path, items: Iterable[Item]) -> None:
        """Write the rows of all items to the folder, which must be empty."""
        self.folder = folder
        self._beams = self._siblings = False
        self._extra: frozenset[str] = frozenset()
        partitions, locations = [np.empty(0, np.int64)], [np.empty((0, 3), np.int64)]
        remaining = iter(items)
        for page in count():
            some = list(islice(remaining, _PAGE))
            if not some:
                break
            beams = any(map(has_beams, some))
            extra = extra_assets_of(some)
            self._beams |= beams
            siblings = any(map(names_siblings, some))
            self._extra |= extra
            self._siblings |= siblings
            rows = to_rows(some, item_schema(beams=beams, extra=extra, siblings=siblings))
            partitions.append(partitions_of(rows))
            locations.append(np.array(write_page(folder, page, rows, partitions[-1])))
        self._partitions, self._locations = np.concatenate(partitions), np.concatenate(locations)
        order = np.argsort(self._partitions, kind="stable")
        self._partitions, self._locations = self._partitions[order], self._locations[order]

    def any_beams(self) -> bool:
        """Whether a row is of an indexed granule."""
        return self._beams

    def extra_assets(self) -> frozenset[str]:
        """The assets of the rows' items that few catalogs have."""
        return self._extra

    def any_siblings(self) -> bool:
        """Whether a row's item names siblings."""
        return self._siblings

    def partitions(self) -> tuple[Partitions, Partitions]:
        """The partitions that hold rows, sorted, and how many rows each holds."""
        return np.unique(self._partitions, return_counts=True)

    def locations(self, first: int, stop: int) -> list[RowLocation]:
        """Where the rows of the partitions ``first`` to ``stop - 1`` lie, sorted."""
        begin, end = np.searchsorted(self._partitions, (first, stop))
        return sorted(map(RowLocation._make, self._locations[begin:end].tolist()))
