"""The records that the stand-in CMR holds, as columns that are searched at once.

The records themselves stay where they are and are looked up for the page that is answered, so
half a million of them cost a few columns.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from catalog_builder.local_cloud.cmr_query import CmrQuery, Interval, Texts, milliseconds
from catalog_builder.local_cloud.extents import Boxes, of_record

Record = Mapping[str, Any]
Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]
SortValues = list[Any]

_OPEN: Final = 253402300799999.0
"""End of a time that has none: the year 9999."""

_DEFAULT_SORT: Final = (("provider", False), ("start_date", False))
_OF_COLLECTION: Final = {"entry_title", "provider", "short_name", "version"}


class Holdings:
    """Records of one kind."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = records
        self._texts: dict[str, list[str]] = {}
        self._revised = np.empty(len(records))
        self._start = np.empty(len(records))
        self._end = np.empty(len(records))
        self._number = np.empty(len(records), dtype=np.int64)
        boxes = []
        for row, record in enumerate(records):
            meta, umm = record["meta"], record["umm"]
            self._revised[row] = milliseconds(meta["revision-date"])
            self._start[row], self._end[row] = _times(umm)
            self._number[row] = _number(meta["concept-id"])
            boxes.append(of_record(umm))
            self._read(meta, umm)
        self._boxes = Boxes(boxes)

    def __len__(self) -> int:
        return len(self.records)

    def _read(self, meta: Record, umm: Record) -> None:
        raise NotImplementedError

    def _add(self, **texts: str) -> None:
        for name, text in texts.items():
            self._texts.setdefault(name, []).append(text)

    def _text(self, name: str, texts: Texts) -> Mask:
        matches = texts.matcher()
        return np.fromiter(map(matches, self._texts[name]), dtype=bool, count=len(self))

    def search(self, query: CmrQuery, *, loose: bool) -> Rows:
        """Rows of what was found, in the order asked for."""
        found = np.ones(len(self), dtype=bool)
        for name, texts in query.texts.items():
            found &= self._text(name, texts)
        if query.temporal:
            found &= _meets(self._start, self._end, query.temporal)
        if query.revised:
            found &= _meets(self._revised, self._revised, query.revised)
        for boxes, any_will_do in query.areas:
            masks = [self._boxes.meet(box, loose=loose) for box in boxes]
            found &= np.any(masks, axis=0) if any_will_do else np.all(masks, axis=0)
        rows = np.flatnonzero(found)
        columns = [
            -self._codes(name)[rows] if descends else self._codes(name)[rows]
            for name, descends in query.sort_keys or _DEFAULT_SORT
        ]
        return rows[np.lexsort([self._number[rows], *reversed(columns)])]

    def sort_values(self, row: int, query: CmrQuery) -> SortValues:
        """What a row is sorted by: where the next page goes on."""
        keys = query.sort_keys or _DEFAULT_SORT
        return [*(self._value(name, row) for name, _ in keys), int(self._number[row])]

    def position_after(self, rows: Rows, values: SortValues, query: CmrQuery) -> int:
        """Position in the result of what follows these values."""
        down = [descends for _, descends in query.sort_keys or _DEFAULT_SORT] + [False]

        def key(found: Sequence[Any]) -> list[Any]:
            return [
                _Descending(value) if descends else value
                for value, descends in zip(found, down, strict=True)
            ]

        return bisect_right(rows, key(values), key=lambda row: key(self.sort_values(row, query)))

    def _value(self, name: str, row: int) -> Any:
        numbers = self._numbers.get(name)
        return self._texts[name][row] if numbers is None else float(numbers[row])

    @cached_property
    def _numbers(self) -> dict[str, NDArray[np.float64]]:
        return {
            "start_date": self._start,
            "end_date": self._end,
            "revision_date": self._revised,
        }

    def _codes(self, name: str) -> NDArray[Any]:
        """Numbers that sort as the values of a column do."""
        if name in self._numbers:
            return self._numbers[name]
        codes: NDArray[Any] = np.unique(self._texts[name], return_inverse=True)[1]
        return codes


class CollectionHoldings(Holdings):
    """Collections."""

    def _read(self, meta: Record, umm: Record) -> None:
        self._add(
            concept_id=meta["concept-id"],
            native_id=meta["native-id"],
            provider=meta["provider-id"],
            short_name=umm["ShortName"],
            version=umm["Version"],
            entry_title=umm["EntryTitle"],
            keyword=" ".join((umm["ShortName"], umm["EntryTitle"], umm.get("Abstract", ""))),
        )

    def _text(self, name: str, texts: Texts) -> Mask:
        if name == "keyword":  # a word of it will do
            texts = Texts(values=tuple(f"*{value}*" for value in texts.values), pattern=True)
        return super()._text(name, texts)

    def search(self, query: CmrQuery, *, loose: bool) -> Rows:
        """Rows of what was found, in the order asked for."""
        rows = super().search(query, loose=loose)
        if query.cloud_hosted is None:
            return rows
        hosted = ["DirectDistributionInformation" in self.records[row]["umm"] for row in rows]
        return rows[np.array(hosted, dtype=bool) == query.cloud_hosted]


class GranuleHoldings(Holdings):
    """Granules; what they share with their collection is looked up there."""

    def __init__(self, records: Sequence[Record], collections: CollectionHoldings) -> None:
        self._collections = collections
        self._place = {
            record["meta"]["concept-id"]: row for row, record in enumerate(collections.records)
        }
        self._of: list[int] = []
        super().__init__(records)
        self.collection = np.array(self._of, dtype=np.intp)
        """Row of each granule's collection."""

    def _read(self, meta: Record, umm: Record) -> None:
        self._of.append(self._place[meta["collection-concept-id"]])
        name = umm["GranuleUR"]
        native = meta["native-id"]
        self._add(
            concept_id=meta["concept-id"],
            granule_ur=name,
            native_id=name if native == name else native,
            producer_granule_id=_producer_id(umm) or name,
        )

    def _text(self, name: str, texts: Texts) -> Mask:
        if name in _OF_COLLECTION or name == "collection_concept_id":
            column = name.removeprefix("collection_")
            return self._collections._text(column, texts)[self.collection]
        if name == "readable_granule_name":
            return super()._text("granule_ur", texts) | super()._text("producer_granule_id", texts)
        found = super()._text(name, texts)
        if name == "concept_id":  # a collection's will do as well
            found |= self._collections._text(name, texts)[self.collection]
        return found

    def _value(self, name: str, row: int) -> Any:
        if name in _OF_COLLECTION:
            return self._collections._value(name, self.collection[row])
        return super()._value(_own(name), row)

    def _codes(self, name: str) -> NDArray[Any]:
        if name in _OF_COLLECTION:
            return self._collections._codes(name)[self.collection]
        return super()._codes(_own(name))

    def counts(self) -> NDArray[np.intp]:
        """Number of granules of each collection."""
        return np.bincount(self.collection, minlength=len(self._collections))


class _Descending:
    """A value that sorts the other way round."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __lt__(self, other: _Descending) -> bool:
        return bool(other._value < self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and bool(other._value == self._value)

    __hash__ = None  # type: ignore[assignment]  # compared, never looked up


def _own(name: str) -> str:
    return "producer_granule_id" if name == "readable_granule_name" else name


def _meets(start: NDArray[Any], end: NDArray[Any], intervals: Sequence[Interval]) -> Mask:
    found = np.zeros(len(start), dtype=bool)
    for first, last in intervals:
        found |= (start <= last) & (end >= first)
    return found


def _times(umm: Record) -> Interval:
    """Start and end of a record, milliseconds."""
    extent = umm.get("TemporalExtent") or next(iter(umm.get("TemporalExtents", ())), {})
    span = extent.get("RangeDateTime") or next(iter(extent.get("RangeDateTimes", ())), None)
    if span is None:
        single = extent.get("SingleDateTime")
        return (0.0, _OPEN) if single is None else (milliseconds(single),) * 2
    end = span.get("EndingDateTime")
    return milliseconds(span["BeginningDateTime"]), milliseconds(end) if end else _OPEN


def _number(concept_id: str) -> int:
    digits = re.search(r"\d+", concept_id)
    return int(digits[0]) if digits else 0


def _producer_id(umm: Record) -> str | None:
    for identifier in umm.get("DataGranule", {}).get("Identifiers", ()):
        if identifier.get("IdentifierType") == "ProducerGranuleId":
            return str(identifier["Identifier"])
    return None
