"""Records of the whole mission for the benchmark: ATL03 007 in the cloud, in CMR's UMM-G.

1,387 tracks, 14 regions and 26 cycles, less what was flown before the first data: some 501,700
granules. Fewer are a sample of these, spread evenly over the mission, and each sample holds the
smaller ones. Names, times, rings and links agree with each other; the oddities are those of real
records: rings of 9 to 51 points some 12 km wide, left whole across ±180 and some of them
clockwise, names with a suffix, sizes in several units or none, links that are not the data.

The same ring is flown again in each cycle, some hundred metres off. Everything follows from one
seed. ``python -m benchmarks.mission_records 5000`` writes them to ``.mission/records-5000.jsonl``
beside this file, and their columns beside that.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from earthdata_standin.collection_records import CLOUD, CONCEPT_IDS, DATA_URL
from earthdata_standin.product import PROTECTED_BUCKET, PUBLIC_BUCKET
from earthdata_standin.rings import HALF_WIDTH
from earthdata_standin.stored_records import ChangedRecords, RecordFile, StoredRecords
from earthdata_standin.tracks import (
    FIRST_DATA,
    FIRST_LONGITUDE,
    FIRST_NODE,
    PERIOD,
    TRACKS,
    TURN,
    Pass,
    ground,
)

Record = dict[str, Any]
Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

FOLDER: Final = Path(__file__).with_name(".mission")
CYCLES: Final = 26
REGIONS: Final = 14
REVISED: Final = 100
"""Records that :func:`changed` revises: of them are"""
SHIFTED: Final = 20
"""with another ring, and"""
REPLACED: Final = 20
"""gone, a record of file revision 02 being there instead."""
NEW: Final = 50
REMOVED: Final = 20

_COLLECTION: Final = CONCEPT_IDS["007", CLOUD]
_SEED: Final = 7
_MARGIN: Final = 0.046
"""Degrees of flight by which a ring is longer than its region."""
_DRIFT: Final = 250.0
"""Metres, standard deviation, by which a cycle flies beside the track."""
_BATCH: Final = 20_000
_LETTERS: Final = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_PRODUCTION: Final = datetime(2025, 3, 20), datetime(2025, 8, 20)
"""When the release was made, in the order of flight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mission:
    """All granules, those of one more cycle too, as columns in the order of flight."""

    start: NDArray[np.datetime64]
    """Milliseconds."""
    end: NDArray[np.datetime64]
    named: NDArray[np.datetime64]
    """The time in the name, seconds."""
    produced: NDArray[np.datetime64]
    """When its record came to CMR, milliseconds."""
    serial: Numbers
    """Number in the concept id, in the order of that."""
    revision_id: Numbers
    """1 to 3, each later by some days."""
    file_revision: Numbers
    size: Numbers
    """Bytes."""
    chance: Floats
    """Shape (granules, 4), 0 to 1: by which oddities are dealt."""
    drift: Floats
    """Metres to the left of the track."""
    shift: Floats
    """Degrees of flight by which the ring lies further on."""
    flown: int
    """Number of the first granule that there are data of."""

    @property
    def count(self) -> int:
        """Granules of the mission, without the cycle that follows it."""
        return CYCLES * TRACKS * REGIONS - self.flown

    def sample(self, count: int) -> Numbers:
        """Numbers of so many granules of the mission, in the order of flight."""
        if count > self.count:
            raise ValueError(f"The mission has {self.count} granules, not {count}.")
        return np.sort(self._shuffled()[:count])

    def others(self, count: int) -> Numbers:
        """Numbers of the granules of the mission that are not in that sample."""
        return self._shuffled()[count:]

    def _shuffled(self) -> Numbers:
        return self.flown + np.random.default_rng(_SEED).permutation(self.count)


@cache
def mission() -> Mission:
    """Deal the facts of all granules."""
    rng = np.random.default_rng(_SEED)
    revolutions = (CYCLES + 1) * TRACKS
    count = revolutions * REGIONS
    edges = np.array([Pass(rgt=1, cycle=1, region=r).u_range for r in range(1, REGIONS + 1)])
    late = np.clip(rng.normal(0.0, 20.0, revolutions), -60.0, 60.0)
    nodes = PERIOD * np.arange(revolutions) + late
    seconds = (nodes[:, None, None] + PERIOD * edges / 360.0).reshape(count, 2)
    first = np.datetime64(FIRST_NODE.replace(tzinfo=None), "ms")
    start, end = (first + np.round(1000 * seconds.T).astype("timedelta64[ms]")).copy()
    chance = rng.random((count, 4))
    named = start.astype("datetime64[s]") + np.where(
        rng.random(count) < 0.8, 0, rng.integers(1, 9, count)
    ).astype("timedelta64[s]")
    began, ended = (np.datetime64(time, "ms") for time in _PRODUCTION)
    spread = rng.integers(0, 10 * 86_400_000, count).astype("timedelta64[ms]")
    made = began + (np.arange(count) / count * (ended - began).astype(float)).astype("m8[ms]")
    produced = made + spread
    serial = np.empty(count, dtype=np.int64)
    serial[np.argsort(produced, kind="stable")] = np.arange(count)
    return Mission(
        start=start,
        end=end,
        named=named,
        produced=produced,
        serial=3_400_000_000 + 40 * serial + rng.integers(0, 40, count),
        revision_id=1 + (rng.random(count) < 0.6) + (rng.random(count) < 0.3),
        file_revision=1 + (rng.random(count) < 0.02),
        size=rng.lognormal(21.2, 0.6, count).astype(np.int64),
        chance=chance,
        drift=rng.normal(0.0, _DRIFT, count),
        shift=rng.normal(0.0, 0.004, count),
        flown=int(np.searchsorted(start, np.datetime64(FIRST_DATA.replace(tzinfo=None)))),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RaggedRings:
    """Outlines of all tracks' regions, one after the other, open and counter-clockwise."""

    first: Numbers
    """Place of each outline's first point; one more for the end of the last."""
    u: Floats
    """Degrees of flight since the ascending node, of each point."""
    left: Floats
    """Metres to the left of the track, of each point."""


@cache
def rings() -> RaggedRings:
    """Draw the outlines: as many points on either long side, four to 25."""
    rng = np.random.default_rng(_SEED + 1)
    edges = [Pass(rgt=1, cycle=1, region=r).u_range for r in range(1, REGIONS + 1)]
    counts = np.clip(rng.normal(13, 4, TRACKS * REGIONS), 4, 25).astype(int)
    us, lefts = [], []
    for place, count in enumerate(counts):
        start, end = edges[place % REGIONS]
        u = np.linspace(start - _MARGIN, end + _MARGIN, count)
        u[1:-1] += rng.uniform(-0.3, 0.3, count - 2) * (u[1] - u[0])
        us.append(np.concatenate([u, u[::-1]]))
        lefts.append(np.repeat([-HALF_WIDTH, HALF_WIDTH], count))
    return RaggedRings(
        first=np.concatenate([[0], np.cumsum(2 * counts)]),
        u=np.concatenate(us),
        left=np.concatenate(lefts),
    )


def records(numbers: Numbers) -> Iterator[bytes]:
    """Records as JSON of these granules of the mission."""
    for start in range(0, len(numbers), _BATCH):
        yield from _batch(numbers[start : start + _BATCH])


def _batch(numbers: Numbers) -> Iterator[bytes]:
    known = mission()

    def stamps(times: NDArray[np.datetime64]) -> list[str]:
        return [f"{text}Z" for text in np.datetime_as_string(times, unit="ms").tolist()]

    start, end, named = known.start[numbers], known.end[numbers], known.named[numbers]
    revision_id = known.revision_id[numbers]
    inserted = known.produced[numbers]
    revised = inserted + (revision_id - 1) * np.timedelta64(17, "D")
    columns = zip(
        numbers.tolist(),
        np.datetime_as_string(named, unit="s").tolist(),
        stamps(start),
        stamps(end),
        stamps(inserted - np.timedelta64(1, "D")),
        stamps(inserted),
        stamps(revised),
        known.serial[numbers].tolist(),
        revision_id.tolist(),
        known.file_revision[numbers].tolist(),
        known.size[numbers].tolist(),
        known.chance[numbers].tolist(),
        _outlines(numbers),
        strict=True,
    )
    for number, time_named, *rest in columns:
        yield _record(number, time_named, *rest).encode()


def _outlines(numbers: Numbers) -> Iterator[str]:
    """Points of each ring as JSON, closed."""
    known, drawn = mission(), rings()
    place = numbers % (TRACKS * REGIONS)
    first, counts = drawn.first[place], np.diff(drawn.first)[place]
    ends = np.cumsum(counts)
    points = np.arange(ends[-1]) + np.repeat(first - ends + counts, counts)
    node = FIRST_LONGITUDE - (place // REGIONS) * 360.0 * TURN
    lon, lat = ground(
        drawn.u[points] + np.repeat(known.shift[numbers], counts),
        drawn.left[points] + np.repeat(known.drift[numbers], counts),
        np.repeat(node, counts),  # type: ignore[arg-type]
    )
    flat = np.round(np.stack([lon, lat], axis=-1), 5)
    clockwise = known.chance[numbers, 0] < 0.1
    for start, end, reverse in zip(ends - counts, ends, clockwise, strict=True):
        ring = flat[start:end]
        values = (ring[::-1] if reverse else ring).ravel().tolist()
        yield _points(len(values) // 2 + 1) % (*values, *values[:2])


@cache
def _points(count: int) -> str:
    """What the points of a ring are put into."""
    return ",".join(['{"Longitude":%r,"Latitude":%r}'] * count)


def _record(
    number: int,
    named: str,
    start: str,
    end: str,
    produced: str,
    inserted: str,
    revised: str,
    serial: int,
    revision_id: int,
    file_revision: int,
    size: int,
    chance: list[float],
    outline: str,
) -> str:
    """One record, as compact as CMR writes it. The text is put together: nothing is as quick."""
    revolution, region = divmod(number, REGIONS)
    cycle, rgt = divmod(revolution, TRACKS)
    digits = named.replace("-", "").replace("T", "").replace(":", "")
    granule = (
        f"ATL03_{digits}_{rgt + 1:04d}{cycle + 1:02d}{region + 1:02d}_007_{file_revision:02d}"
    )
    folder = f"ATLAS/ATL03/007/{named[:4]}/{named[5:7]}/{named[8:10]}"
    ur = f"{granule}.h5{_suffix(granule) if chance[1] < 0.07 else ''}"
    data = f"{PROTECTED_BUCKET}/{folder}/{granule}.h5"
    about = f"{PUBLIC_BUCKET}/{folder}/{granule}"
    browse = "".join(
        f'{{"URL":"{DATA_URL}/{about}_BRW.default.default{image}.jpg",'
        f'"Type":"GET RELATED VISUALIZATION",'
        f'"Description":"Download {granule}_BRW.default.default{image}.jpg",'
        '"MimeType":"image/jpeg"},'
        for image in ((1, 2) if chance[2] < 0.5 else ())
    )
    return (
        '{"meta":{"concept-type":"granule",'
        f'"concept-id":"G{serial}-{CLOUD}","revision-id":{revision_id},"native-id":"{ur}",'
        f'"collection-concept-id":"{_COLLECTION}","provider-id":"{CLOUD}",'
        f'"format":"application/vnd.nasa.cmr.umm+json","revision-date":"{revised}"}},'
        '"umm":{"MetadataSpecification":{"URL":'
        '"https://cdn.earthdata.nasa.gov/umm/granule/v1.6.6","Name":"UMM-G","Version":"1.6.6"},'
        f'"GranuleUR":"{ur}","CollectionReference":{{"ShortName":"ATL03","Version":"007"}},'
        f'"TemporalExtent":{{"RangeDateTime":{{"BeginningDateTime":"{start}",'
        f'"EndingDateTime":"{end}"}}}},"SpatialExtent":{{"HorizontalSpatialDomain":{{"Geometry":'
        f'{{"GPolygons":[{{"Boundary":{{"Points":[{outline}]}}}}]}}}}}},'
        f'"ProviderDates":[{{"Date":"{inserted}","Type":"Insert"}}],'
        f'"DataGranule":{{"DayNightFlag":"Unspecified","ProductionDateTime":"{produced}",'
        f'"ArchiveAndDistributionInformation":[{{"Name":"{granule}.h5","Format":"HDF5"'
        f'{_size(granule, size, chance[3])}}}]}},"RelatedUrls":['
        f'{{"URL":"{DATA_URL}/{data}","Type":"GET DATA",'
        f'"Description":"Download {granule}.h5"}},'
        f'{{"URL":"s3://{data}","Type":"GET DATA VIA DIRECT ACCESS","Description":'
        '"This link provides direct download access via S3 to the granule"},'
        f'{{"URL":"{DATA_URL}/{about}.iso.xml","Type":"VIEW RELATED INFORMATION",'
        f'"Description":"Download {granule}.iso.xml"}},{browse}'
        f'{{"URL":"s3://{about}.iso.xml","Type":"GET DATA VIA DIRECT ACCESS","Description":'
        '"This link provides direct download access via S3 to the granule"},'
        f'{{"URL":"{DATA_URL}/s3credentials","Type":"VIEW RELATED INFORMATION","Description":'
        '"api endpoint to retrieve temporary credentials valid for same-region direct s3 access"}'
        "]}}"
    )


def _suffix(granule: str) -> str:
    digest = hashlib.sha256(granule.encode()).digest()
    return "_" + "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:8])


def _size(granule: str, size: int, chance: float) -> str:
    """The file's size, mostly as real records give it, and its checksum in some."""
    if chance < 0.8:
        told = f',"SizeInBytes":{size},"Size":{size // 1_000_000},"SizeUnit":"MB"'
        if chance < 0.3:
            digest = hashlib.sha256(granule.encode()).hexdigest()
            told += f',"Checksum":{{"Value":"{digest}","Algorithm":"SHA-256"}}'
        return told
    if chance < 0.88:
        return f',"Size":{size / 2**20!r},"SizeUnit":"MB"'
    if chance < 0.94:
        return f',"Size":{size // 2**20},"SizeUnit":"MB"'
    return f',"Size":{size / 2e4!r},"SizeUnit":"NA"' if chance < 0.98 else ""


def record_file(count: int) -> RecordFile:
    """The file of so many records, written unless it is there."""
    path = FOLDER / f"records-{count}.jsonl"
    stamp = path.with_suffix(".made-with")
    made_with = _made_with()
    if not path.exists() or not stamp.exists() or stamp.read_text() != made_with:
        FOLDER.mkdir(exist_ok=True)
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            file.writelines(line + b"\n" for line in records(mission().sample(count)))
        part.replace(path)
        stamp.write_text(made_with)
    return RecordFile(path)


def changed(stored: StoredRecords, at: datetime | None = None) -> ChangedRecords:
    """The same records at a later time: 100 revised, 50 new, 20 removed.

    ``stored`` is what :func:`record_file` returns, of at least 120 records. The revisions are
    dated ``at`` (UTC, default: now) and up to a second before, as those of a CMR that just took
    them in are.
    """
    at = datetime.now(UTC) if at is None else at
    count = len(stored)
    rng = np.random.default_rng(_SEED + 2)
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


def _made_with() -> str:
    """What the records follow from: the texts of this module and of those it draws on."""
    from earthdata_standin import product, records, tracks

    paths = [__file__, *(str(module.__file__) for module in (product, records, tracks))]
    digest = hashlib.sha256(b"".join(Path(path).read_bytes() for path in paths))
    return digest.hexdigest()


def main() -> None:
    """Write the files asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("counts", type=int, nargs="+")
    for count in parser.parse_args().counts:
        began = time.monotonic()
        written = record_file(count)
        taken = time.monotonic() - began
        began = time.monotonic()
        columns = written.columns
        read = time.monotonic() - began
        sys.stdout.write(f"{len(columns)} records: {taken:.1f} s, their columns: {read:.1f} s\n")


if __name__ == "__main__":
    main()
