"""The state of a build: which of several records of a granule counts."""

from __future__ import annotations

import copy
from pathlib import Path

from building import (
    build_from,
    records_of,
)

from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.verify.checks import verify
from earthdata_standin import EarthdataStandin


def test_of_two_records_of_a_granule_the_later_counts(cloud: EarthdataStandin, out: Path) -> None:
    records = records_of()
    later = copy.deepcopy(records[0])
    later["meta"] |= {
        "concept-id": "G1-NSIDC_CPRD",
        "revision-id": 7,
        "revision-date": "2026-01-01T00:00:00.000Z",
    }
    earlier = copy.deepcopy(records[1])
    earlier["meta"] |= {
        "concept-id": "G2-NSIDC_CPRD",
        "revision-date": "2020-01-01T00:00:00.000Z",
    }
    report = build_from(cloud, out, [later, *records, earlier])
    assert report.items == 39
    double = {one.concept_id: one.reason for one in report.set_aside if "later" in one.reason}
    assert double.keys() == {records[0]["meta"]["concept-id"], "G2-NSIDC_CPRD"}
    concepts = ItemIndex.open(out).to_table(["cmr:concept_id"])["cmr:concept_id"].to_pylist()
    assert "G1-NSIDC_CPRD" in concepts
    assert "G2-NSIDC_CPRD" not in concepts
    assert verify(out).ok
