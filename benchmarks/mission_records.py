"""Records of the mission's granules for the benchmark, as CMR's UMM-G: ATL03 007 in the cloud.

Names, times, rings and links agree with each other; the oddities are those of real records: rings
of 9 to 51 points some 12 km wide, left whole across ±180 and some of them clockwise, names with a
suffix, sizes in several units or none, links that are not the data.

``python -m benchmarks.mission_records 5000`` writes them to ``.mission/records-5000.jsonl`` beside
this file, and their columns beside that.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.mission_granules import REGIONS, Numbers, mission, rings
from earthdata_standin.collection_records import CLOUD, CONCEPT_IDS, DATA_URL
from earthdata_standin.product import PROTECTED_BUCKET, PUBLIC_BUCKET
from earthdata_standin.stored_records import RecordFile
from earthdata_standin.tracks import (
    FIRST_LONGITUDE,
    TRACKS,
    TURN,
    ground,
)

FOLDER: Final = Path(__file__).with_name(".mission")

_COLLECTION: Final = CONCEPT_IDS["007", CLOUD]
_BATCH: Final = 20_000
_LETTERS: Final = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


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
        text = f',"SizeInBytes":{size},"Size":{size // 1_000_000},"SizeUnit":"MB"'
        if chance < 0.3:
            digest = hashlib.sha256(granule.encode()).hexdigest()
            text += f',"Checksum":{{"Value":"{digest}","Algorithm":"SHA-256"}}'
        return text
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


def _made_with() -> str:
    """What the records follow from: the texts of this module and of those it builds on."""
    from benchmarks import mission_granules
    from earthdata_standin import product, records, tracks

    modules = (mission_granules, product, records, tracks)
    paths = [__file__, *(str(module.__file__) for module in modules)]
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
