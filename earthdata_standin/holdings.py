"""The records that the stand-in CMR holds, as columns that are searched at once.

The records themselves stay where they are and are looked up for the page that is answered, so
half a million of them cost a few columns.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from earthdata_standin.cmr_page import Reference
from earthdata_standin.cmr_query import CmrQuery, Texts
from earthdata_standin.cmr_times import Interval
from earthdata_standin.columns import Columns, Rows
from earthdata_standin.extents import Boxes
from earthdata_standin.stored_records import StoredRecords

Record = Mapping[str, Any]
Mask = NDArray[np.bool_]

_DEFAULT_SORT: Final = (("provider", False), ("start_date", False))

_OF_COLLECTION: Final = {
    "collection_concept_id": "concept_id",
    "concept_id": "concept_id",
    "entry_title": "entry_title",
    "provider": "provider",
    "short_name": "short_name",
    "version": "version",
}
"""What a granule is also found by: the columns of its collection."""

_OWN: Final = {"readable_granule_name": ("producer_granule_id", "granule_ur")}
"""Names that stand for several columns; the first one sorts."""


class Holdings:
    """Records of one kind, and for granules the collections that they belong to."""

    def __init__(
        self,
        records: Sequence[Record],
        columns: Columns,
        collections: Holdings | None = None,
    ) -> None:
        """``columns`` are those of the records."""
        self.records = records
        self._columns = columns
        self._collections = collections
        self._boxes = Boxes(columns.boxes)
        self._ranks: dict[str, NDArray[Any]] = {}
        self.collection: Rows = np.empty(0, dtype=np.intp)
        """Row of each granule's collection."""
        if collections is not None:
            places = {
                name: row for row, name in enumerate(collections._columns.texts["concept_id"])
            }
            self.collection = np.fromiter(
                map(places.__getitem__, columns.texts["collection_concept_id"]),
                dtype=np.intp,
                count=len(records),
            )

    @classmethod
    def of_collections(cls, records: Sequence[Record]) -> Holdings:
        """Collections, UMM-C."""
        return cls(records, Columns.of_collections(records))

    @classmethod
    def of_granules(cls, records: Sequence[Record], collections: Holdings) -> Holdings:
        """Granules, UMM-G."""
        if isinstance(records, StoredRecords):
            return cls(records, records.columns, collections)
        return cls(records, Columns.of_granules(records), collections)

    def lines(self, rows: Rows) -> list[bytes]:
        """Records as JSON."""
        if isinstance(self.records, StoredRecords):
            return [self.records.line(row) for row in rows.tolist()]
        return [orjson.dumps(self.records[row]) for row in rows.tolist()]

    def references(self, rows: Rows) -> list[Reference]:
        """Names, concept ids and revisions of records."""
        texts, revision = self._columns.texts, self._columns.revision
        names = texts["entry_title" if self._collections is None else "granule_ur"]
        ids = texts["concept_id"]
        return [(names[row], ids[row], int(revision[row])) for row in rows.tolist()]

    def search(self, query: CmrQuery, *, loose: bool) -> Rows:
        """Rows of the records found, in the requested order.

        ``loose``: by the boxes that CMR goes by, see :class:`Boxes`.
        """
        dates = self._columns.dates
        found = np.ones(len(self.records), dtype=bool)
        for name, texts in query.texts:
            found &= self._matching(name, texts)
        for intervals, first, last in (
            (query.temporal, "start_date", "end_date"),
            (query.revised, "revision_date", "revision_date"),
            (query.updated, "revision_date", "revision_date"),
        ):
            if intervals:
                found &= _meets(dates[first], dates[last], intervals)
        for boxes, any_will_do in query.areas:
            masks = [self._boxes.meet(box, loose=loose) for box in boxes]
            found &= np.any(masks, axis=0) if any_will_do else np.all(masks, axis=0)
        rows = np.flatnonzero(found)
        columns = [
            -self._codes(name)[rows] if descends else self._codes(name)[rows]
            for name, descends in query.sort_keys or _DEFAULT_SORT
        ]
        return rows[np.lexsort([self._columns.serial[rows], *reversed(columns)])]

    def sort_values(self, row: int, query: CmrQuery) -> list[Any]:
        """What a row is sorted by, texts in lower case as in CMR: where the next page begins."""
        keys = query.sort_keys or _DEFAULT_SORT
        return [*(self._value(name, row) for name, _ in keys), int(self._columns.serial[row])]

    def position_after(self, rows: Rows, values: Sequence[Any], query: CmrQuery) -> int:
        """Position in the result of what follows these values; they may have gone meanwhile."""
        down = [*(descends for _, descends in query.sort_keys or _DEFAULT_SORT), False]

        def key(found: Sequence[Any]) -> list[Any]:
            return [
                _Descending(value) if descends else value
                for value, descends in zip(found, down, strict=True)
            ]

        return bisect_right(rows, key(values), key=lambda row: key(self.sort_values(row, query)))

    def granule_counts(self) -> NDArray[np.intp]:
        """Of granules: how many each collection has, by its row."""
        assert self._collections is not None
        return np.bincount(self.collection, minlength=len(self._collections.records))

    def _matching(self, name: str, texts: Texts) -> Mask:
        matches = texts.matcher()
        masks = [
            np.fromiter(
                map(matches, self._columns.texts[column]), dtype=bool, count=len(self.records)
            )
            for column in _OWN.get(name, (name,))
            if column in self._columns.texts
        ]
        if self._collections is not None and name in _OF_COLLECTION:
            masks.append(self._collections._matching(_OF_COLLECTION[name], texts)[self.collection])
        found: Mask = np.any(masks, axis=0)
        return found

    def _value(self, name: str, row: int) -> Any:
        """What a row is sorted by under this name."""
        if name in self._columns.dates:
            return int(self._columns.dates[name][row])
        column = _OWN.get(name, (name,))[0]
        if column in self._columns.texts:
            return self._columns.texts[column][row].lower()
        assert self._collections is not None
        return self._collections._value(column, self.collection[row])

    def _codes(self, name: str) -> NDArray[Any]:
        """Numbers that sort as the values under this name do."""
        if name in self._columns.dates:
            return self._columns.dates[name]
        column = _OWN.get(name, (name,))[0]
        if column not in self._columns.texts:
            assert self._collections is not None
            return self._collections._codes(column)[self.collection]
        if column not in self._ranks:
            lower = [text.lower() for text in self._columns.texts[column]]
            self._ranks[column] = np.unique(lower, return_inverse=True)[1]
        return self._ranks[column]


class _Descending:
    """A value that sorts the other way round."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __lt__(self, other: _Descending) -> bool:
        return bool(other._value < self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and bool(other._value == self._value)

    __hash__ = None  # type: ignore[assignment]  # compared, never looked up


def _meets(start: NDArray[Any], end: NDArray[Any], intervals: Sequence[Interval]) -> Mask:
    found = np.zeros(len(start), dtype=bool)
    for first, last in intervals:
        found |= (start <= last) & (end >= first)
    return found
