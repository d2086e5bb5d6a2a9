"""Staged rows: each is read back from its location, in the columns asked for."""

from __future__ import annotations

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_items import make_item

from catalog_builder.catalog.index import staging
from catalog_builder.catalog.index.partitions import partitions_of, regions_and_years
from catalog_builder.catalog.index.schema import item_schema
from catalog_builder.catalog.index.staging import RowLocation, read_rows, staging_path, write_page
from catalog_builder.catalog.index.to_arrow import extra_assets_of, to_rows
from catalog_builder.catalog.stac.layout import REFERENCE_KEYS, optional_assets
from tests.catalog.index.chosen_items import SCHEMA, Choice, item_of, table_of

EXTRA = optional_assets(REFERENCE_KEYS)


def test_rows_come_back_from_their_locations(tmp_path: Path) -> None:
    dice = random.Random(7)
    where: dict[str, RowLocation] = {}
    for page in (3, 1, 8):
        numbers = dice.sample(range(page * 9000, page * 9000 + 900), 260)
        items = list(map(make_item, numbers))
        rows = to_rows(items, SCHEMA)
        partitions = partitions_of(rows)
        locations = write_page(tmp_path, page, rows, partitions)
        where |= zip(rows["id"].to_pylist(), locations, strict=True)
        batches = [location.batch for location in locations]
        batch_of = dict(zip(regions_and_years(partitions).tolist(), batches, strict=True))
        assert len(set(batch_of.values())) == len(batch_of) == 14
        assert set(batches) == set(batch_of.values())
        same_in_all = b"A token of NASA Earthdata Login"
        assert staging_path(tmp_path, page).read_bytes().count(same_in_all) == 1
    for count in (1, 40, len(where)):
        some = sorted(dice.sample(sorted(where.items()), count), key=lambda one: one[1])
        found = read_rows(tmp_path, [location for _, location in some], SCHEMA)
        assert found["id"].to_pylist() == [name for name, _ in some]
    assert read_rows(tmp_path, [], SCHEMA).equals(SCHEMA.empty_table())
    wider = read_rows(tmp_path, sorted(where.values()), item_schema(beams=True))
    assert wider.schema.equals(item_schema(beams=True))
    assert wider["id"].equals(found["id"])


CHOICES = st.lists(
    st.tuples(st.integers(0, 400), st.booleans()),
    min_size=1,
    max_size=9,
    unique_by=lambda one: one,
)


@settings(max_examples=60, deadline=None)
@given(
    pages=st.lists(st.tuples(CHOICES, st.booleans()), min_size=1, max_size=6),
    few=st.sampled_from([0, 4, 200]),
    dice=st.randoms(use_true_random=False),
)
def test_pages_of_different_columns_are_read_together(
    pages: list[tuple[list[Choice], bool]], few: int, dice: random.Random
) -> None:
    """Rows in are rows out, whichever pages have the columns of indexed granules."""
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(staging, "_FEW", few)
        where: list[tuple[RowLocation, Choice]] = []
        for page, (choices, wide) in enumerate(pages):
            beams = wide or any(is_indexed for _, is_indexed in choices)
            extra = (
                optional_assets(REFERENCE_KEYS) if wide else extra_assets_of(map(item_of, choices))
            )
            schema = item_schema(beams=beams, extra=extra)
            rows = to_rows(list(map(item_of, choices)), schema)
            partitions = partitions_of(rows)
            where += zip(write_page(Path(name), page, rows, partitions), choices, strict=True)
        some = sorted(dice.sample(where, dice.randint(1, len(where))))
        wide = item_schema(beams=True, extra=EXTRA)
        found = read_rows(Path(name), [location for location, _ in some], wide)
        found.validate(full=True)
        assert found.equals(table_of([choice for _, choice in some], wide))
        plain = [(location, choice) for location, choice in some if not choice[1]]
        found = read_rows(Path(name), [location for location, _ in plain], SCHEMA)
        assert found.equals(table_of([choice for _, choice in plain], SCHEMA))
