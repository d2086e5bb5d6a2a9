"""A stand-in for CMR, and folders to build into."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from building import WORLD, build_from

from catalog_builder.catalog.build import fetch_pages
from earthdata_standin import EarthdataStandin
from tests.catalog.build.damage import RECORDS


@pytest.fixture(scope="session")
def cloud() -> Iterator[EarthdataStandin]:
    with EarthdataStandin(world=WORLD) as cloud:
        yield cloud


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_pages, "PAGE", 7)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Folder to build into; it is not there yet."""
    return tmp_path / "public"


@pytest.fixture(scope="session")
def built(cloud: EarthdataStandin, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog of few granules."""
    folder = tmp_path_factory.mktemp("built") / "public"
    build_from(cloud, folder, RECORDS)
    return folder


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    return Path(shutil.copytree(built, tmp_path / "public"))
