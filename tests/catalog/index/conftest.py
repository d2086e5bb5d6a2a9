"""An index of granules all over the Earth, which several test modules search."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog_builder.catalog.build.reindex import write_index
from catalog_builder.catalog.index import partitions
from catalog_builder.catalog.index.item_index import ItemIndex
from tests.catalog.index.searched_items import WORLD, BruteForce


@pytest.fixture(scope="session")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an index of several row groups."""
    folder = tmp_path_factory.mktemp("catalog")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(partitions, "MOST_ROWS", 100)
        write_index(WORLD.values(), folder / "items.parquet")
    (folder / "catalog.json").write_text("{}")
    return folder


@pytest.fixture(scope="session")
def index(catalog: Path) -> ItemIndex:
    return ItemIndex.open(catalog)


@pytest.fixture(scope="session")
def brute_force() -> BruteForce:
    return BruteForce(WORLD)
