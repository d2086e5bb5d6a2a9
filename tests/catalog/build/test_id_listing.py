"""Ids and revisions that CMR lists, against those of an index."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.catalog.build.id_listing import IdListing
from catalog_builder.catalog.cmr.response import References

revisions = st.dictionaries(
    st.integers(1, 30).map("G{}-NSIDC_CPRD".format), st.integers(1, 4), max_size=20
)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("listing")


def index_of(path: Path, indexed: dict[str, int]) -> pq.ParquetFile:
    table = pa.table(
        {
            "id": pa.array([f"granule of {one}" for one in indexed], pa.string()),
            "cmr:concept_id": pa.array(list(indexed), pa.string()),
            "cmr:revision_id": pa.array(list(indexed.values()), pa.int64()),
        }
    )
    pq.write_table(table, path / "items.parquet", row_group_size=7)
    return pq.ParquetFile(path / "items.parquet")


@given(listed=revisions, indexed=revisions, size=st.integers(1, 7))
def test_what_is_gone_and_what_is_behind(
    folder: Path, listed: dict[str, int], indexed: dict[str, int], size: int
) -> None:
    names = list(listed)
    pages = [
        References(part, [listed[one] for one in part])
        for part in (names[first : first + size] for first in range(0, len(names), size))
    ]
    with index_of(folder, indexed) as index:
        listing = IdListing(iter(pages), index)
    assert listing.removed == [f"granule of {one}" for one in indexed if one not in listed]
    assert dict(listing.newer) == {
        one: number for one, number in listed.items() if indexed.get(one, -1) < number
    }
    assert listing.among([*indexed, "G99-NSIDC_CPRD"]) == indexed.keys() & listed.keys()
