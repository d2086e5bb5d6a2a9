"""A catalog of which three of four granules are indexed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from building import WORLD, build_from
from several_collections import EVERYTHING, build_several

from catalog_builder.catalog.build.publish import PublishedFolder
from catalog_builder.catalog.build.reindex import refresh_index
from catalog_builder.products.atl03 import BEAMS
from earthdata_standin import EarthdataStandin
from tests.catalog.indexed_catalog import index, item_files, some_sized


@pytest.fixture(scope="session")
def indexed_built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog in which three of four granules were indexed; one of them lacks a beam.

    Some of them have references of layout 1.
    """
    folder = tmp_path_factory.mktemp("references") / "public"
    with EarthdataStandin(world=WORLD) as cloud:
        build_from(cloud, folder, some_sized())
    published = PublishedFolder(folder)
    items = item_files(folder)
    with published.writing():
        for number, (path, item) in enumerate(items.items()):
            if number % 4:
                beams = BEAMS[: 5 if number % 4 == 1 else 6]
                index(published, path, item, beams=beams, older=number % 3 == 2)
                published.mark_outdated(item["id"])
        refresh_index(published)
    return folder


@pytest.fixture
def indexed_copy(indexed_built: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(indexed_built, tmp_path / "public"))


@pytest.fixture(scope="session")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog of several collections."""
    folder = tmp_path_factory.mktemp("several") / "public"
    with EarthdataStandin(world=EVERYTHING) as cloud:
        build_several(cloud, folder)
    return folder


@pytest.fixture
def copied(several: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(several, tmp_path / "public"))
