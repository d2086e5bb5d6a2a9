"""The benchmark's records of the mission, and the server that they are served by."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import requests

from benchmarks import mission_records
from benchmarks.mission_changes import changed
from benchmarks.mission_granules import TRACKS, mission
from benchmarks.mission_records import record_file
from benchmarks.mission_server import Orders, world_of
from catalog_builder.catalog.stac.granule import parse_umm
from earthdata_standin import EarthdataStandin
from earthdata_standin.tracks import Pass

COUNT = 400
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NAME = re.compile(r"ATL03_(\d{14})_(\d{4})(\d\d)(\d\d)_007_(\d\d)\.h5")


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mission_records, "FOLDER", tmp_path_factory.mktemp("mission"))
        yield record_file(COUNT)


def by_id(records: Any) -> dict[str, Any]:
    return {record["meta"]["concept-id"]: record for record in records}


def file_name(record: Any) -> str:
    return str(record["umm"]["DataGranule"]["ArchiveAndDistributionInformation"][0]["Name"])


def ring(record: Any) -> list[Any]:
    domain = record["umm"]["SpatialExtent"]["HorizontalSpatialDomain"]
    return list(domain["Geometry"]["GPolygons"][0]["Boundary"]["Points"])


def test_the_mission_is_whole() -> None:
    assert 500_000 < mission().count < 26 * 14 * TRACKS
    assert len(np.unique(mission().serial)) == len(mission().serial)
    assert (np.diff(mission().start.astype(np.int64)) > 0).all()


def test_samples_hold_each_other() -> None:
    small, large = mission().sample(50), mission().sample(500)
    assert set(small) < set(large)
    assert (np.diff(large) > 0).all()
    assert not set(large) & set(mission().others(500))
    with pytest.raises(ValueError, match="not 600000"):
        mission().sample(600_000)


def test_records_are_as_the_builder_reads_them(records: Any) -> None:
    assert len(records) == COUNT
    starts = []
    for record in records:
        granule = parse_umm(record)
        match = NAME.fullmatch(file_name(record))
        assert match is not None
        assert granule.id == match[0].removesuffix(".h5")
        rgt, cycle, region = (int(match[group]) for group in (2, 3, 4))
        flown = Pass(rgt=rgt, cycle=cycle, region=region)
        start = record["umm"]["TemporalExtent"]["RangeDateTime"]["BeginningDateTime"]
        starts.append(start)
        assert abs((datetime.fromisoformat(start) - flown.start).total_seconds()) < 61
        named = datetime.strptime(match[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        assert -1 < (named - datetime.fromisoformat(start)).total_seconds() < 10
        points = ring(record)
        assert 9 <= len(points) <= 51
        assert points[0] == points[-1]
        assert granule.footprint.meets(granule.footprint.bbox)
    assert starts == sorted(starts)


def test_records_have_the_oddities_of_real_ones(records: Any) -> None:
    suffixed = sum(not r["umm"]["GranuleUR"].endswith(".h5") for r in records)
    assert 0.03 < suffixed / COUNT < 0.12
    units = [r["umm"]["DataGranule"]["ArchiveAndDistributionInformation"][0] for r in records]
    assert {unit.get("SizeUnit") for unit in units} == {"MB", "NA", None}
    jumps = sum(
        any(abs(a["Longitude"] - b["Longitude"]) > 180 for a, b in itertools.pairwise(p))
        for p in map(ring, records)
    )
    assert 0 < jumps < COUNT / 2
    assert {r["meta"]["revision-id"] for r in records} == {1, 2, 3}
    length = np.mean([len(records.line(row)) for row in range(COUNT)])
    assert 3000 < length < 4500


def test_records_keep_to_the_schema(records: Any, real_data: Path) -> None:
    schema = json.loads((real_data / "cmr" / "umm-g-v1.6.6.schema.json").read_text())
    validator = jsonschema.Draft7Validator(schema)
    for row in range(0, COUNT, 20):
        assert [error.message for error in validator.iter_errors(records[row]["umm"])] == []


def test_a_later_time(records: Any) -> None:
    before, after = by_id(records), by_id(changed(records, AT))
    gone, new = before.keys() - after.keys(), after.keys() - before.keys()
    revised = {one for one in before.keys() & after.keys() if before[one] != after[one]}
    assert (len(revised), len(new), len(gone)) == (80, 70, 40)
    for one in revised:
        old, now = before[one], after[one]
        assert now["meta"]["revision-id"] == old["meta"]["revision-id"] + 1
        assert file_name(now) == file_name(old)
    assert sum(ring(before[one]) != ring(after[one]) for one in revised) == 20
    names = {file_name(before[one]) for one in gone}
    later = [name for name in (file_name(after[one]) for one in new) if not name.endswith("01.h5")]
    replaced = [n for n in later if f"{n[:-5]}{int(n[-5:-3]) - 1:02d}.h5" in names]
    assert len(replaced) == 20
    for one in revised | new:
        date = datetime.fromisoformat(after[one]["meta"]["revision-date"])
        assert 0 <= (AT - date).total_seconds() < 1
        parse_umm(after[one])
    assert len({file_name(record) for record in after.values()}) == len(after)


def test_the_server_takes_orders(records: Any) -> None:
    with EarthdataStandin(world=world_of(records)) as cloud:
        orders = Orders(cloud, records)
        orders.server_close()
        asked = {"short_name": "ATL03", "page_size": 0}
        url = f"{cloud.cmr_url}/granules.umm_json"
        assert requests.get(url, params=asked, timeout=10).json()["hits"] == COUNT
        assert orders.obey("/changed?at=2026-01-02T03:04:05%2B00:00") == {"granules": COUNT + 30}
        assert requests.get(url, params=asked, timeout=10).json()["hits"] == COUNT + 30
        assert orders.obey("/first") == {"granules": COUNT}
        log = orders.obey("/log")
        assert log is not None
        assert [entry["status"] for entry in log["requests"]] == [200, 200]
        assert all(0 < entry["began"] < entry["ended"] for entry in log["requests"])
        orders.obey("/reset")
        assert orders.obey("/other") is None
        assert cloud.requests == []
