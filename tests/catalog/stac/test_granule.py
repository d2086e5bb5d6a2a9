from __future__ import annotations

import copy
import json
import pickle
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from catalog_builder.catalog.stac.granule import Granule, parse_umm
from catalog_builder.errors import RecordError
from tests.catalog.sample_record import BUCKET, DATA, NAME, RECORD, changed, without


def file_with(**fields: Any) -> dict[str, Any]:
    """The record with another description of its file."""
    path = ("umm", "DataGranule", "ArchiveAndDistributionInformation")
    return changed(*path, to=[{"Name": f"{NAME}.h5", **fields}])


def test_a_record_is_read_whole() -> None:
    granule = parse_umm(RECORD)
    assert granule.id == NAME  # without the suffix of GranuleUR
    assert granule.s3_href == f"s3://{BUCKET}/{NAME}.h5"
    assert granule.https_href == DATA
    assert granule.metadata_href == DATA.replace(".h5", ".iso.xml")
    assert granule.thumbnail_href == "https://n5eil01u.ecs.nsidc.org/1.jpg"
    assert granule.size == 2066439775
    assert granule.checksum == "d50110cdb8ba3cff9617e88b3da89b5c84dc25"
    assert granule.start == datetime(2018, 10, 20, 15, 18, 28, 575000, tzinfo=UTC)
    assert granule.end == datetime(2018, 10, 20, 15, 27, 2, 118000, tzinfo=UTC)
    assert granule.revision_date == datetime(2025, 8, 11, 3, 25, tzinfo=UTC)
    assert granule.produced == datetime(2025, 4, 1, tzinfo=UTC)
    assert (granule.revision_id, granule.absolute_orbit) == (2, 537)
    assert granule.provider == "NSIDC_CPRD"
    assert granule.footprint.bbox == (177.95908, 26.98659, -177.10933, 59.54842)


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"SizeInBytes": 1098347, "Size": 1.0474653244018555, "SizeUnit": "MB"}, 1098347),
        ({"Size": 1.0474653244018555, "SizeUnit": "MB"}, 1098347),
        ({"Size": 517.1338815689087, "SizeUnit": "MB"}, 542254177),
        ({"Size": 544.0, "SizeUnit": "MB"}, None),  # rounded: not the file's size
        ({"Size": 2066, "SizeUnit": "MB"}, None),
        ({"Size": 589.2875518799, "SizeUnit": "NA"}, None),
        ({}, None),
    ],
)
def test_sizes_are_exact_or_unknown(fields: dict[str, Any], size: int | None) -> None:
    assert parse_umm(file_with(**fields)).size == size


@pytest.mark.parametrize(
    ("algorithm", "value", "multihash"),
    [
        ("SHA-256", "AB" * 32, "1220" + "ab" * 32),
        ("SHA-1", "ab" * 20, "1114" + "ab" * 20),
        ("MD5", "ab" * 15, None),
        ("MD5", "not hexadecimal at all, is it!!", None),
        ("Adler-32", "0badf00d", None),
    ],
)
def test_checksums_become_multihashes(algorithm: str, value: str, multihash: str | None) -> None:
    record = file_with(Checksum={"Algorithm": algorithm, "Value": value})
    assert parse_umm(record).checksum == multihash


POINTS = (
    *("umm", "SpatialExtent", "HorizontalSpatialDomain", "Geometry", "GPolygons"),
    *(0, "Boundary", "Points"),
)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (changed("umm", "RelatedUrls", to=[]), "No link to the data"),
        (changed("umm", "RelatedUrls", 3, "URL", to="https://x/../etc/passwd.h5"), "not the name"),
        (
            changed("umm", "RelatedUrls", 3, "URL", to=DATA.replace("0336", "0337")),
            "links name two granules",
        ),
        (without("umm", "TemporalExtent"), r"lacks umm\.TemporalExtent\."),
        (without("meta", "concept-id"), r"lacks meta\.concept-id\."),
        (changed("meta", "concept-id", to="../../secret"), "not a concept id"),
        (
            changed(
                "umm",
                "TemporalExtent",
                "RangeDateTime",
                "EndingDateTime",
                to="2017-01-01T00:00:00Z",
            ),
            "ends .* before it starts",
        ),
        (changed("umm", "TemporalExtent", to={}), "lacks umm.TemporalExtent.RangeDateTime"),
        (
            changed("umm", "TemporalExtent", to={"SingleDateTime": "noon"}),
            "follow UMM-G: .*'noon'",
        ),
        (changed("umm", "SpatialExtent", to=None), r"expected `object`.* at umm\.SpatialExtent\."),
        (changed("umm", "SpatialExtent", "HorizontalSpatialDomain", to={}), "Geometry and Orbit"),
        (
            changed(
                *("umm", "SpatialExtent", "HorizontalSpatialDomain", "Geometry"),
                to={"GPolygons": [], "BoundingRectangles": [{"WestBoundingCoordinate": 1}]},
            ),
            "0 polygons in GPolygons, BoundingRectangles",
        ),
        (
            changed("umm", "SpatialExtent", "HorizontalSpatialDomain", "Geometry", to={}),
            "0 polygons",
        ),
        (changed(*POINTS, 0, "Latitude", to=95.0), "leaves the Earth"),
        (changed(*POINTS, to=[]), "0 distinct vertices"),
        ({"meta": {}}, r"lacks meta\.concept-id\."),
    ],
)
def test_an_unusable_record_is_refused_with_the_reason(
    record: dict[str, Any], message: str
) -> None:
    with pytest.raises(RecordError, match=message):
        parse_umm(record)


def test_a_real_record_on_premises(real_data: Path) -> None:
    answer = json.loads((real_data / "cmr" / "ecs_atl03_v005_granule.umm.json").read_text())
    granule = parse_umm(answer["items"][0])
    assert granule.id == "ATL03_20221012161617_03351705_005_01"
    assert granule.s3_href is None
    assert granule.https_href is not None
    assert granule.https_href.endswith(f"{granule.id}.h5")
    assert granule.absolute_orbit == 22728
    assert granule.size is None
    west, south, east, north = granule.footprint.bbox
    assert south == pytest.approx(59.5, abs=0.05)
    assert north == pytest.approx(80.0, abs=0.05)
    assert west < east


def test_the_same_swath_in_two_releases(real_data: Path) -> None:
    pairs = json.loads((real_data / "cmr" / "atl03_v006_v007_pairs.json").read_text())
    granules: list[Granule] = []
    for pair in pairs:
        record = copy.deepcopy(RECORD)
        record["umm"]["SpatialExtent"] = pair["SpatialExtent"]
        record["umm"]["TemporalExtent"] = pair["TemporalExtent"]
        record["umm"]["RelatedUrls"] = [
            {"URL": link, "Type": "GET DATA"} for link in pair["data_links"]
        ]
        granules.append(parse_umm(record))
    by_track: dict[tuple[int, int], list[Granule]] = {}
    for granule in granules:
        by_track.setdefault((granule.name.rgt, granule.name.region), []).append(granule)
    for one, other in by_track.values():
        assert one.name.release != other.name.release
        assert one.footprint.bbox == pytest.approx(other.footprint.bbox, abs=0.01)


def test_a_moment_instead_of_an_interval() -> None:
    moment = {"SingleDateTime": "2018-10-20T15:18:28+02:00"}
    granule = parse_umm(changed("umm", "TemporalExtent", to=moment))
    assert granule.start == granule.end == datetime(2018, 10, 20, 13, 18, 28, tzinfo=UTC)
    assert granule.start.tzinfo is UTC


def test_a_granule_is_a_value() -> None:
    granule = parse_umm(RECORD)
    assert granule == parse_umm(copy.deepcopy(RECORD))
    assert granule != parse_umm(changed("meta", "revision-id", to=3))
    assert pickle.loads(pickle.dumps(granule)) == granule
    assert f"concept_id={granule.concept_id!r}" in repr(granule)
    with pytest.raises(AttributeError):
        granule.size = 1  # type: ignore[misc]
