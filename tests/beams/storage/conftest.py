"""A granule of several blocks, in the stand-in's cloud."""

from __future__ import annotations

from pathlib import Path

import pytest
from scripted_server import Answer, ScriptedServer
from stored_files import KEY, links_to, store, write_granule

from catalog_builder.beams.storage.links import GranuleLinks
from earthdata_standin import EarthdataStandin
from tests.beams.storage.granule_reads import VALUES


@pytest.fixture(scope="session")
def granule(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_granule(tmp_path_factory.mktemp("granules") / "granule.h5", VALUES)


@pytest.fixture
def links(cloud: EarthdataStandin, granule: Path) -> GranuleLinks:
    store(cloud, {KEY: granule})
    return links_to(cloud)


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """So small a cache that nearly every read is a request."""
    monkeypatch.setattr("catalog_builder.beams.storage.granule_file.BLOCK_SIZE", 2**16)
    monkeypatch.setattr("catalog_builder.beams.storage.granule_file.BLOCKS", 1)


@pytest.fixture
def gone() -> str:
    """A URL where nobody answers."""
    with ScriptedServer(lambda _: Answer()) as server:
        return server.url
