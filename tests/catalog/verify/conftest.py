"""A catalog to be checked, and a copy of it to be damaged."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from building import WORLD, build_from

from earthdata_standin import EarthdataStandin


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verify") / "public"
    with EarthdataStandin(world=WORLD) as cloud:
        build_from(cloud, folder)
    return folder


@pytest.fixture
def published(built: Path, tmp_path: Path) -> Path:
    """A copy to be damaged."""
    return Path(shutil.copytree(built, tmp_path / "public"))
