"""A published catalog of the stand-in's granules, as a notebook opens it with intake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import intake
import pytest
from published_catalog import publish
from scripted_server import ScriptedServer
from web_folder import serve_folder

from catalog_builder.catalog.index.item_index import ItemIndex
from earthdata_standin import EarthdataStandin


@pytest.fixture
def published(cloud: EarthdataStandin, tmp_path: Path) -> Path:
    """A catalog of the stand-in's granules, in a folder with a space in its name."""
    return publish(tmp_path / "our catalog")


@pytest.fixture
def hosted(published: Path) -> Iterator[ScriptedServer]:
    """The catalog's folder behind a plain web server; a space is in its URL's path."""
    with ScriptedServer(serve_folder(published.parent)) as server:
        yield server


@pytest.fixture
def cat(hosted: ScriptedServer, published: Path) -> intake.Catalog:
    return intake.open_catalog(f"{hosted.url}/{published.name}/catalog.yml")


@pytest.fixture
def granule(cloud: EarthdataStandin, published: Path) -> str:
    """One with all beams."""
    return next(
        one for one in ItemIndex.open(published).ids if one not in cloud.world.odd.values()
    )
