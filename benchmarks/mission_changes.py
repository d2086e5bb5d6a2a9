"""The records of the benchmark at a later time: some revised, some new, some removed."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import orjson

from benchmarks.mission_granules import CYCLES, REGIONS, SEED, mission
from benchmarks.mission_records import records
from earthdata_standin.collection_records import CLOUD
from earthdata_standin.stored_records import ChangedRecords, StoredRecords
from earthdata_standin.tracks import TRACKS

Record = dict[str, Any]
REVISED: Final = 100
"""Records that :func:`changed` revises: of them are"""
SHIFTED: Final = 20
"""with another ring, and"""
REPLACED: Final = 20
"""gone, a record of file revision 02 being there instead."""
NEW: Final = 50
REMOVED: Final = 20


def changed(stored: StoredRecords, at: datetime | None = None) -> ChangedRecords:
    """The same records at a later time: 100 revised, 50 new, 20 removed.

    ``stored`` is what :func:`record_file` returns, of at least 120 records. The revisions are
    dated ``at`` (UTC, default: now) and up to a second before, as those of a CMR that just took
    them in are.
    """
    at = datetime.now(UTC) if at is None else at
    count = len(stored)
    rng = np.random.default_rng(SEED + 2)
    rows = [int(row) for row in rng.choice(count, REVISED + REMOVED, replace=False)]
    replaced = {}
    for place, row in enumerate(rows[:REVISED]):
        record = stored[row]
        if place < REPLACED:
            record = _next_file(record, 3_499_000_000 + place)
        else:
            record["meta"]["revision-id"] += 1
            if place < REPLACED + SHIFTED:
                _move_ring(record)
        replaced[row] = _dated(record, at, place)
    after = CYCLES * TRACKS * REGIONS
    gaps = mission().others(count)[: NEW // 5]
    new = np.concatenate([np.sort(gaps), np.arange(after, after + NEW - len(gaps))])
    added = [
        _dated(orjson.loads(line), at, REVISED + place) for place, line in enumerate(records(new))
    ]
    return ChangedRecords(stored, replaced=replaced, removed=rows[REVISED:], added=added)


def _next_file(record: Record, serial: int) -> Record:
    """The record of a granule's next file, which is another concept."""
    name = record["umm"]["DataGranule"]["ArchiveAndDistributionInformation"][0]["Name"]
    stem, revision = name[:-5], int(name[-5:-3])
    text = orjson.dumps(record).decode().replace(name[:-3], f"{stem}{revision + 1:02d}")
    record = orjson.loads(text)
    record["meta"] |= {"concept-id": f"G{serial}-{CLOUD}", "revision-id": 1}
    return record


def _move_ring(record: Record) -> None:
    """Let the ring lie 0.02° further east."""
    (polygon,) = record["umm"]["SpatialExtent"]["HorizontalSpatialDomain"]["Geometry"]["GPolygons"]
    for point in polygon["Boundary"]["Points"]:
        east = point["Longitude"] + 0.02
        point["Longitude"] = round(east - 360.0 if east > 180.0 else east, 5)


def _dated(record: Record, at: datetime, place: int) -> Record:
    record = copy.deepcopy(record)
    moment = at - timedelta(milliseconds=5 * place)
    record["meta"]["revision-date"] = (
        f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
    )
    return record
