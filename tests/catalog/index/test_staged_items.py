"""Items staged on disk: each row is in its partition, in whatever order items come."""

from __future__ import annotations

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_items import make_item

from catalog_builder.catalog.build.reindex import write_index
from catalog_builder.catalog.index import staged_items, staging
from catalog_builder.catalog.index.partitions import partitions_of
from catalog_builder.catalog.index.schema import item_schema
from catalog_builder.catalog.index.staged_items import StagedItems
from catalog_builder.catalog.index.staging import read_rows
from catalog_builder.catalog.index.to_arrow import extra_assets_of, sorted_order
from tests.catalog.index.chosen_items import SCHEMA, item_of, table_of


def test_every_item_is_staged_in_its_partition(tmp_path: Path) -> None:
    items = {item["id"]: item for item in map(make_item, range(0, 9000, 4))}
    staged = StagedItems(tmp_path, iter(items.values()))
    partitions, counts = staged.partitions()
    assert counts.sum() == len(items)
    assert not staged.any_beams()
    found: list[str] = []
    for partition, count in zip(partitions.tolist(), counts.tolist(), strict=True):
        rows = read_rows(tmp_path, staged.locations(partition, partition + 1), SCHEMA)
        assert len(rows) == count
        assert set(partitions_of(rows).tolist()) == {partition}
        found += rows["id"].to_pylist()
    assert sorted(found) == sorted(items)


@settings(max_examples=30, deadline=None)
@given(
    indexed=st.lists(st.booleans(), min_size=1, max_size=40),
    page=st.sampled_from([1, 3, 8, 1000]),
    few=st.sampled_from([0, 2, 200]),
    dice=st.randoms(use_true_random=False),
)
def test_the_index_does_not_depend_on_which_items_come_together(
    indexed: list[bool], page: int, few: int, dice: random.Random
) -> None:
    choices = [(number * 5, is_indexed) for number, is_indexed in enumerate(indexed)]
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        plain, other = Path(name) / "plain.parquet", Path(name) / "other.parquet"
        assert write_index(map(item_of, choices), plain) == len(choices)
        extra = extra_assets_of(map(item_of, choices))
        expected = table_of(choices, item_schema(beams=any(indexed), extra=extra))
        found = pq.read_table(plain, columns=expected.column_names)
        assert found.equals(expected.take(sorted_order(expected)))
        patch.setattr(staged_items, "_PAGE", page)
        patch.setattr(staging, "_FEW", few)
        dice.shuffle(choices)
        write_index(map(item_of, choices), other)
        assert other.read_bytes() == plain.read_bytes()
