"""The days of a catalog, and the granules of each, from their ids."""

from __future__ import annotations

from collections.abc import Container, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from catalog_builder.products.granule_name import id_fields, iso_date

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
    """All days of a collection. Ids are Arrow arrays, which are smaller than Python strings."""

    def __init__(self, ids: pa.ChunkedArray | pa.Array) -> None:
        import pyarrow.compute as pc

        self._names: list[str] = []
        self._counts: list[int] = []
        self._ids = ids
        if not len(ids):
            return
        fields = id_fields(ids[0].as_py())
        cycle = pc.utf8_slice_codeunits(ids, fields.cycle.start, fields.cycle.stop)
        date = pc.utf8_slice_codeunits(ids, fields.date.start, fields.date.stop)
        keys = pc.binary_join_element_wise(cycle, date, "")
        del cycle, date
        counts = {
            str(entry["values"]): int(entry["counts"])
            for entry in pc.value_counts(keys).to_pylist()
        }
        self._names = sorted(counts)
        self._counts = [counts[name] for name in self._names]
        self._ids = ids.take(pc.sort_indices(keys))

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[Day]:
        """All days, by cycle, then date."""
        return self.among(None)

    def among(self, days: Container[tuple[int, str]] | None) -> Iterator[Day]:
        """Those of these cycles and dates, or all for None; by cycle, then date."""
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
            yield int(name[:2]), iso_date(name[2:])
