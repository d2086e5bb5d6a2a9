"""The records that the stand-in CMR holds, as columns that are searched at once.

The records themselves stay where they are and are looked up for the page that is answered, so
half a million of them cost a few columns.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from catalog_builder.local_cloud.cmr_query import CmrQuery, Interval, Texts, milliseconds
from catalog_builder.local_cloud.extents import Boxes, of_record

Record = Mapping[str, Any]
Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]

_OPEN: Final = 253402300799999.0
"""End of a time that has none: the year 9999."""

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
        texts: Mapping[str, Sequence[str]],
        collections: Holdings | None = None,
    ) -> None:
        """``texts`` are the columns to search, one value a record each."""
        self.records = records
        self._texts = texts
        self._collections = collections
        self._numbers = {
            name: np.empty(len(records)) for name in ("start_date", "end_date", "revision_date")
        }
        self._serial = np.empty(len(records), dtype=np.int64)
        boxes = []
        for row, record in enumerate(records):
            meta, umm = record["meta"], record["umm"]
            start, end = _times(umm)
            self._numbers["start_date"][row] = start
            self._numbers["end_date"][row] = end
            self._numbers["revision_date"][row] = milliseconds(meta["revision-date"])
            self._serial[row] = _serial(meta["concept-id"])
            boxes.append(of_record(umm))
        self._boxes = Boxes(boxes)
        self.collection: Rows = np.empty(0, dtype=np.intp)
        """Row of each granule's collection."""
        if collections is not None:
            place = {r["meta"]["concept-id"]: row for row, r in enumerate(collections.records)}
            self.collection = np.fromiter(
                (place[record["meta"]["collection-concept-id"]] for record in records),
                dtype=np.intp,
                count=len(records),
            )

    @classmethod
    def of_collections(cls, records: Sequence[Record]) -> Holdings:
        """Collections, UMM-C."""
        columns = _columns("concept_id native_id provider short_name version entry_title")
        columns |= _columns("cloud_hosted keyword")
        for record in records:
            meta, umm = record["meta"], record["umm"]
            columns["concept_id"].append(meta["concept-id"])
            columns["native_id"].append(meta["native-id"])
            columns["provider"].append(meta["provider-id"])
            columns["short_name"].append(umm["ShortName"])
            columns["version"].append(umm["Version"])
            columns["entry_title"].append(umm["EntryTitle"])
            hosted = "DirectDistributionInformation" in umm
            columns["cloud_hosted"].append(str(hosted).lower())
            columns["keyword"].append(f"{umm['ShortName']} {umm['EntryTitle']}")
        return cls(records, columns)

    @classmethod
    def of_granules(cls, records: Sequence[Record], collections: Holdings) -> Holdings:
        """Granules, UMM-G."""
        columns = _columns("concept_id granule_ur native_id producer_granule_id")
        for record in records:
            meta, umm = record["meta"], record["umm"]
            columns["concept_id"].append(meta["concept-id"])
            columns["granule_ur"].append(umm["GranuleUR"])
            columns["native_id"].append(meta["native-id"])
            columns["producer_granule_id"].append(_producer_id(umm) or umm["GranuleUR"])
        return cls(records, columns, collections)

    def search(self, query: CmrQuery, *, loose: bool) -> Rows:
        """Rows of what was found, in the order asked for.

        ``loose``: by the boxes that CMR goes by, see :class:`Boxes`.
        """
        found = np.ones(len(self.records), dtype=bool)
        for name, texts in query.texts:
            found &= self._matching(name, texts)
        for intervals, first, last in (
            (query.temporal, "start_date", "end_date"),
            (query.revised, "revision_date", "revision_date"),
            (query.updated, "revision_date", "revision_date"),
        ):
            if intervals:
                found &= _meets(self._numbers[first], self._numbers[last], intervals)
        for boxes, any_will_do in query.areas:
            masks = [self._boxes.meet(box, loose=loose) for box in boxes]
            found &= np.any(masks, axis=0) if any_will_do else np.all(masks, axis=0)
        rows = np.flatnonzero(found)
        columns = [
            -self._codes(name)[rows] if descends else self._codes(name)[rows]
            for name, descends in query.sort_keys or _DEFAULT_SORT
        ]
        return rows[np.lexsort([self._serial[rows], *reversed(columns)])]

    def sort_values(self, row: int, query: CmrQuery) -> list[Any]:
        """What a row is sorted by: where the next page goes on."""
        keys = query.sort_keys or _DEFAULT_SORT
        return [*(self._value(name, row) for name, _ in keys), int(self._serial[row])]

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
            np.fromiter(map(matches, self._texts[column]), dtype=bool, count=len(self.records))
            for column in _OWN.get(name, (name,))
            if column in self._texts
        ]
        if self._collections is not None and name in _OF_COLLECTION:
            masks.append(self._collections._matching(_OF_COLLECTION[name], texts)[self.collection])
        found: Mask = np.any(masks, axis=0)
        return found

    def _value(self, name: str, row: int) -> Any:
        """What a row is sorted by under this name."""
        if name in self._numbers:
            return float(self._numbers[name][row])
        column = _OWN.get(name, (name,))[0]
        if column in self._texts:
            return self._texts[column][row]
        assert self._collections is not None
        return self._collections._value(column, self.collection[row])

    def _codes(self, name: str) -> NDArray[Any]:
        """Numbers that sort as the values under this name do."""
        if name in self._numbers:
            return self._numbers[name]
        column = _OWN.get(name, (name,))[0]
        if column not in self._texts:
            assert self._collections is not None
            return self._collections._codes(column)[self.collection]
        codes: NDArray[Any] = np.unique(self._texts[column], return_inverse=True)[1]
        return codes


class _Descending:
    """A value that sorts the other way round."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __lt__(self, other: _Descending) -> bool:
        return bool(other._value < self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and bool(other._value == self._value)

    __hash__ = None  # type: ignore[assignment]  # compared, never looked up


def _columns(names: str) -> dict[str, list[str]]:
    return {name: [] for name in names.split()}


def _meets(start: NDArray[Any], end: NDArray[Any], intervals: Sequence[Interval]) -> Mask:
    found = np.zeros(len(start), dtype=bool)
    for first, last in intervals:
        found |= (start <= last) & (end >= first)
    return found


def _times(umm: Record) -> Interval:
    """Start and end of a record, milliseconds."""
    extent: Mapping[str, Any] = umm.get("TemporalExtent") or next(
        iter(umm.get("TemporalExtents", ())), {}
    )
    span = extent.get("RangeDateTime") or next(iter(extent.get("RangeDateTimes", ())), None)
    if span is None:
        single = extent.get("SingleDateTime")
        return (0.0, _OPEN) if single is None else (milliseconds(single), milliseconds(single))
    end = span.get("EndingDateTime")
    return milliseconds(span["BeginningDateTime"]), milliseconds(end) if end else _OPEN


def _serial(concept_id: str) -> int:
    """The number in a concept id, by which what sorts alike is sorted."""
    digits = re.search(r"\d+", concept_id)
    return int(digits[0]) if digits else 0


def _producer_id(umm: Record) -> str | None:
    for identifier in umm.get("DataGranule", {}).get("Identifiers", ()):
        if identifier.get("IdentifierType") == "ProducerGranuleId":
            return str(identifier["Identifier"])
    return None
