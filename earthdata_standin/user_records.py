"""Records and files of the user's own, served instead of simulated ones."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from earthdata_standin.file_sizes import FileFacts
from earthdata_standin.product import Product
from earthdata_standin.records import cloud_record
from earthdata_standin.tracks import Pass

Record = dict[str, Any]

_FILE_NAME = re.compile(r"ATL03_(\d{14})_(\d{4})(\d{2})(\d{2})_(006|007)_(\d{2})(?!\d).*\.h5")


def read_records(path: str | Path) -> list[Record]:
    """The records of a JSON-lines file, a JSON list, a CMR answer, or the one in a file."""
    text = Path(path).read_text(encoding="utf-8")
    try:
        read = json.loads(text)
    except json.JSONDecodeError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    if isinstance(read, list):
        return read
    items: list[Record] = read.get("items", [read])
    return items


def files_of(records: Iterable[Record], folder: Path) -> dict[str, Path]:
    """The folder's files by the addresses that the records give them."""
    files = {path.name: path for path in sorted(folder.rglob("*")) if path.is_file()}
    found = {}
    for record in records:
        for link in record["umm"].get("RelatedUrls", []):
            # An HTTPS link leads to the same bucket and key below its host.
            scheme, _, address = link["URL"].partition("://")
            if scheme != "s3":
                address = address.partition("/")[2]
            path = files.get(address.rpartition("/")[2])
            if path is not None:
                found[address] = path
    return found


def unrecorded(folder: Path, recorded: set[Path]) -> Iterator[tuple[Record, str, Path]]:
    """A record and an address for each granule file that no record speaks of.

    The record is what the name tells; its ring is that of the simulated pass.
    """
    rng = np.random.default_rng(0)
    for path in sorted(set(folder.rglob("ATL03_*.h5")) - recorded):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None:
            continue
        start, rgt, cycle, region, release, revision = match.groups()
        flown = Pass(rgt=int(rgt), cycle=int(cycle), region=int(region))
        named = datetime.strptime(start, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        product = Product(
            flown=replace(flown, late=(named - flown.start).total_seconds()),
            release="006" if release == "006" else "007",
            revision=int(revision),
        )
        record = cloud_record(
            product,
            serial=900_000_000 + len(recorded),
            rng=rng,
            size_form="bytes",
            facts=FileFacts.of(path),
        )
        recorded.add(path)
        yield record, product.key, path
