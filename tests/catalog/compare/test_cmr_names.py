"""Names of granules, read from CMR's records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from catalog_builder.catalog.compare.cmr_names import granule_name
from catalog_builder.errors import RecordError


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"umm": {"RelatedUrls": None}},
        {"umm": {"RelatedUrls": [{"Type": "GET DATA", "URL": "https://host/a.xml"}]}},
        {"umm": {"RelatedUrls": [{"Type": "GET DATA", "URL": "https://host/ATL06_x.h5"}]}},
    ],
)
def test_a_record_without_a_name(record: dict[str, Any]) -> None:
    with pytest.raises(RecordError):
        granule_name(record)


def test_a_real_on_premises_record(real_data: Path) -> None:
    body = json.loads((real_data / "cmr" / "ecs_atl03_v005_granule.umm.json").read_text())
    assert granule_name(body["items"][0]).id == "ATL03_20221012161617_03351705_005_01"
