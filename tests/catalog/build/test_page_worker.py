"""Records that become items, and those that are set aside."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import replace
from pathlib import Path

from building import (
    DEFINITION,
    build_from,
    records_of,
)

from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.verify.checks import verify
from earthdata_standin import EarthdataStandin


def test_unusable_records_are_set_aside_with_their_reason(
    cloud: EarthdataStandin, out: Path
) -> None:
    records = records_of()
    bad = copy.deepcopy(records[:4])
    for number, record in enumerate(bad):
        record["meta"]["concept-id"] = f"G{number}-NSIDC_CPRD"
        record["umm"]["GranuleUR"] = f"bad {number}"
    points = bad[0]["umm"]["SpatialExtent"]["HorizontalSpatialDomain"]["Geometry"]
    points["GPolygons"][0]["Boundary"]["Points"][1]["Latitude"] = 95.0
    bad[1]["umm"]["RelatedUrls"] = [
        link for link in bad[1]["umm"]["RelatedUrls"] if "DIRECT" not in link["Type"]
    ]
    for link in bad[2]["umm"]["RelatedUrls"]:
        link["URL"] = re.sub(r"_007_(\d\d)", r"_006_\1", link["URL"])
    bad[2]["umm"]["DataGranule"]["ArchiveAndDistributionInformation"] = [
        {"Name": re.sub("_007_", "_006_", records[2]["umm"]["GranuleUR"][:39])}
    ]
    del bad[3]["umm"]["TemporalExtent"]
    report = build_from(cloud, out, [*records, *bad])
    reasons = {one.granule_ur: one.reason for one in report.set_aside}
    assert report.items == 39
    assert "95" in reasons["bad 0"]
    assert "S3" in reasons["bad 1"]
    assert "release 006, not 007" in reasons["bad 2"]
    assert "TemporalExtent" in reasons["bad 3"]
    saved = json.loads((out / "build-report.json").read_text())
    assert {one["granule_ur"] for one in saved["set_aside"]} == reasons.keys()
    assert saved["items"] == 39
    assert verify(out).ok


def test_only_granules_that_meet_the_box_are_in(cloud: EarthdataStandin, out: Path) -> None:
    build_from(cloud, out)
    box = (170.0, -90.0, -150.0, 90.0)
    everywhere = ItemIndex.open(out).search(bbox=box).ids
    report = build_from(
        cloud,
        out.with_name("boxed"),
        definition=replace(DEFINITION, name="boxed", bounding_box=box),
    )
    assert ItemIndex.open(out.with_name("boxed")).ids == everywhere
    assert report.items + report.outside + len(report.set_aside) == report.read
