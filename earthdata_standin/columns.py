"""Values of records as columns, by which the stand-in CMR searches and sorts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from earthdata_standin.cmr_times import Interval, milliseconds
from earthdata_standin.extents import of_record

Record = Mapping[str, Any]
Rows = NDArray[np.intp]

_OPEN: Final = 253402300799999.0
"""End of a time that has none: the year 9999."""

_GRANULE_TEXTS: Final = (
    *("collection_concept_id", "concept_id", "granule_ur", "producer_granule_id"),
)
_COLLECTION_TEXTS: Final = (
    *("cloud_hosted", "concept_id", "entry_title", "provider", "short_name", "version"),
)
_DATES: Final = ("start_date", "end_date", "revision_date")
_BETWEEN: Final = "\0"
"""Between the texts of a stored column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """One value a record each."""

    texts: Mapping[str, Sequence[str]]
    dates: Mapping[str, NDArray[np.float64]]
    """Milliseconds since 1970: ``start_date``, ``end_date``, ``revision_date``."""
    serial: NDArray[np.int64]
    """The number in the concept id, by which what sorts alike is sorted."""
    revision: NDArray[np.int64]
    """Revision id."""
    boxes: NDArray[np.float64]
    """Shape (records, 5), as :class:`~earthdata_standin.extents.Boxes` has them."""

    @classmethod
    def of_collections(cls, records: Iterable[Record]) -> Self:
        """Columns of collections, UMM-C."""
        return cls._of(_COLLECTION_TEXTS, records)

    @classmethod
    def of_granules(cls, records: Iterable[Record]) -> Self:
        """Columns of granules, UMM-G; each record is looked at once, and not kept."""
        return cls._of(_GRANULE_TEXTS, records)

    @classmethod
    def _of(cls, names: tuple[str, ...], records: Iterable[Record]) -> Self:
        read = _texts_of_granule if names is _GRANULE_TEXTS else _texts_of_collection
        texts: dict[str, list[str]] = {name: [] for name in names}
        numbers: list[tuple[float, ...]] = []
        for record in records:
            meta, umm = record["meta"], record["umm"]
            for name, text in zip(names, read(meta, umm), strict=True):
                texts[name].append(text)
            box = of_record(umm)
            numbers.append(
                (
                    *_times(umm),
                    milliseconds(meta["revision-date"]),
                    _serial(meta["concept-id"]),
                    meta["revision-id"],
                    *(box.west, box.south, box.width, box.north, box.crosses),
                )
            )
        table = np.array(numbers, dtype=np.float64).reshape(-1, 10)
        return cls(
            texts=texts,
            dates={name: table[:, place].copy() for place, name in enumerate(_DATES)},
            serial=table[:, 3].astype(np.int64),
            revision=table[:, 4].astype(np.int64),
            boxes=table[:, 5:].copy(),
        )

    def __len__(self) -> int:
        return len(self.serial)

    def taken(self, rows: Rows) -> Columns:
        """Those of some rows, in their order."""
        listed = rows.tolist()
        return Columns(
            texts={name: [texts[row] for row in listed] for name, texts in self.texts.items()},
            dates={name: dates[rows] for name, dates in self.dates.items()},
            serial=self.serial[rows],
            revision=self.revision[rows],
            boxes=self.boxes[rows],
        )

    def followed_by(self, other: Columns) -> Columns:
        """Those of more records after these."""
        return Columns(
            texts={name: [*texts, *other.texts[name]] for name, texts in self.texts.items()},
            dates={n: np.concatenate([dates, other.dates[n]]) for n, dates in self.dates.items()},
            serial=np.concatenate([self.serial, other.serial]),
            revision=np.concatenate([self.revision, other.revision]),
            boxes=np.concatenate([self.boxes, other.boxes]),
        )

    def save(self, path: Path, stamp: Sequence[int]) -> None:
        """Store them as a ``.npz``, marked with what they were made from."""
        texts = {
            f"text {name}": np.frombuffer(_BETWEEN.join(texts).encode(), dtype=np.uint8)
            for name, texts in self.texts.items()
        }
        part = path.with_name(f"{path.name}.part.npz")
        np.savez(
            part,
            allow_pickle=False,
            stamp=np.array(stamp),
            serial=self.serial,
            revision=self.revision,
            boxes=self.boxes,
            **texts,
            **{f"date {name}": dates for name, dates in self.dates.items()},
        )
        part.replace(path)

    @classmethod
    def load(cls, path: Path, stamp: Sequence[int]) -> Self | None:
        """Columns of granules stored with that mark; None where other ones are there, or none."""
        if not path.exists():
            return None
        with np.load(path, allow_pickle=False) as stored:
            if stored["stamp"].tolist() != list(stamp):
                return None
            texts = {
                name.removeprefix("text "): stored[name].tobytes().decode().split(_BETWEEN)
                for name in stored.files
                if name.startswith("text ")
            }
            if texts.keys() != set(_GRANULE_TEXTS):
                return None
            return cls(
                texts=texts,
                dates={name: stored[f"date {name}"] for name in _DATES},
                serial=stored["serial"],
                revision=stored["revision"],
                boxes=stored["boxes"],
            )


def _texts_of_granule(meta: Record, umm: Record) -> tuple[str, ...]:
    ur = umm["GranuleUR"]
    collection = meta["collection-concept-id"]
    return collection, meta["concept-id"], ur, _producer_id(umm) or ur


def _texts_of_collection(meta: Record, umm: Record) -> tuple[str, ...]:
    return (
        str("DirectDistributionInformation" in umm).lower(),
        meta["concept-id"],
        umm["EntryTitle"],
        meta["provider-id"],
        umm["ShortName"],
        umm["Version"],
    )


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
    digits = re.search(r"\d+", concept_id)
    return int(digits[0]) if digits else 0


def _producer_id(umm: Record) -> str | None:
    for identifier in umm.get("DataGranule", {}).get("Identifiers", ()):
        if identifier.get("IdentifierType") == "ProducerGranuleId":
            return str(identifier["Identifier"])
    return None
