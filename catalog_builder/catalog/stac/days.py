"""Which granules lie on which day: how a catalog of any size stays browsable."""

from __future__ import annotations

from collections.abc import Container, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from catalog_builder.atl03 import ID_CYCLE, ID_DATE, iso_date
from catalog_builder.catalog.index.arrow_numbers import to_arrow, to_numpy

if TYPE_CHECKING:
    import pyarrow as pa


class Day(NamedTuple):
    """The granules of a cycle that start on a day."""

    cycle: int
    date: str
    """``2018-10-14``, UTC."""
    ids: list[str]
    """Sorted."""


class Days:
    """All days of a catalog, from the ids of its granules."""

    def __init__(self, ids: pa.ChunkedArray | pa.Array) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        cycle = pc.utf8_slice_codeunits(ids, ID_CYCLE.start, ID_CYCLE.stop)
        date = pc.utf8_slice_codeunits(ids, ID_DATE.start, ID_DATE.stop)
        keys = pc.binary_join_element_wise(cycle, date, " ")
        del cycle, date
        if isinstance(keys, pa.ChunkedArray):
            keys = keys.combine_chunks()
        keys = keys.dictionary_encode()
        names = np.array(keys.dictionary.to_pylist(), dtype=np.str_)
        numbers = np.argsort(np.argsort(names))[to_numpy(keys.indices)]
        del keys
        self._names: list[str] = sorted(names.tolist())
        self._counts: list[int] = np.bincount(numbers, minlength=len(names)).tolist()
        self._ids = ids.take(to_arrow(np.argsort(numbers, kind="stable")))

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[Day]:
        """By cycle, then date."""
        return self.among(None)

    def among(self, days: Container[tuple[int, str]] | None) -> Iterator[Day]:
        """Those of some cycles and dates, None for all; by cycle, then date."""
        first = 0
        for (cycle, date), count in zip(self._keys(), self._counts, strict=True):
            if days is None or (cycle, date) in days:
                yield Day(cycle, date, sorted(self._ids.slice(first, count).to_pylist()))
            first += count

    def cycles(self) -> dict[int, list[str]]:
        """Dates of each cycle, sorted."""
        return {
            cycle: [date for _, date in keys]
            for cycle, keys in groupby(self._keys(), key=lambda key: key[0])
        }

    def _keys(self) -> Iterator[tuple[int, str]]:
        for name in self._names:
            cycle, _, date = name.partition(" ")
            yield int(cycle), iso_date(date)
