"""Granules of real records, where this machine has them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from catalog_builder.catalog.stac.granule import Granule, parse_umm


@pytest.fixture(scope="session")
def real_granules(real_data: Path) -> list[Granule]:
    with (real_data / "cmr" / "atl03_v007_granules.umm.jsonl").open() as lines:
        return [parse_umm(json.loads(line)) for line in lines]
