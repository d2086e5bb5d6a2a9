"""Records of granules as CMR revises them, adds them and removes them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

from building import (
    Record,
    records_of,
)


def now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}"


def file_of(record: Record) -> str:
    """Name of a record's granule."""
    found = re.search(r"ATL03_\d{14}_\d{8}_\d{3}_\d{2}", json.dumps(record["umm"]["RelatedUrls"]))
    assert found is not None
    return found[0]


def next_file(record: Record) -> Record:
    """The record of the granule's next revision, a file and a record of its own."""
    old = file_of(record)
    text = json.dumps(record).replace(old, f"{old[:-2]}{int(old[-2:]) + 1:02d}")
    new: Record = json.loads(text)
    new["meta"] |= {"concept-id": "G900-NSIDC_CPRD", "revision-id": 1, "revision-date": now()}
    return new


def usable() -> list[Record]:
    """Records that become items, each of a granule of its own."""
    data = re.compile(r"s3://nsidc-cumulus-prod-protected/[^\"]*\.h5")
    return [r for r in records_of() if data.search(json.dumps(r["umm"]["RelatedUrls"]))]


def revise(record: Record) -> None:
    """Make it a new revision, of now."""
    record["meta"]["revision-id"] += 1
    record["meta"]["revision-date"] = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}"


def next_state() -> list[Record]:
    """The records some days later: one new, two revised, five gone."""
    *records, new = records_of()
    del records[3:8]
    records.append(new)
    for record in records[:2]:
        record["meta"]["revision-id"] += 1
        record["meta"]["revision-date"] = "2026-01-01T00:00:00.000Z"
    return records


def first_state() -> list[Record]:
    return records_of()[:-1]
