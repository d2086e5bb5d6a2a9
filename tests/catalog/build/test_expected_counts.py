"""A collection that would lose most of its granules, beside others that would not."""

from __future__ import annotations

from pathlib import Path

import pytest
from building import times
from several_collections import (
    ATL08,
    build_several,
    everything,
    without,
)

from catalog_builder.catalog.verify.checks import verify
from catalog_builder.errors import CatalogError
from earthdata_standin import EarthdataStandin


def test_a_collection_that_loses_most_is_refused(cloud: EarthdataStandin, copied: Path) -> None:
    before = times(copied)
    records = without(everything(), ATL08)
    with pytest.raises(CatalogError, match=r"holds \d+ granules of ATL08_007, but .* only 0"):
        build_several(cloud, copied, records)
    assert times(copied) == before
    build_several(cloud, copied, records, full=True)
    assert not verify(copied).problems
