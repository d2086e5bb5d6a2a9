"""What tests of several verbs share: a CMR, a definition, and published catalogs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from building import WORLD
from published_catalog import publish

from catalog_builder.catalog.index.item_index import ItemIndex
from earthdata_standin import EarthdataStandin
from tests.commands.running import run


@pytest.fixture(scope="session")
def shared_cmr() -> Iterator[EarthdataStandin]:
    with EarthdataStandin(world=WORLD) as cloud:
        yield cloud


@pytest.fixture
def cmr(shared_cmr: EarthdataStandin, monkeypatch: pytest.MonkeyPatch) -> EarthdataStandin:
    """A stand-in with many records and no files, which the environment leads to."""
    shared_cmr.world = WORLD
    monkeypatch.setenv("CMR_URL", shared_cmr.cmr_url)
    monkeypatch.delenv("ATL03_SCHEMAS", raising=False)
    return shared_cmr


@pytest.fixture
def definition(tmp_path: Path) -> str:
    """Folder of a definition of everything in release 007."""
    file = tmp_path / "ice" / "definition.toml"
    file.parent.mkdir()
    file.write_text(
        'title = "Ice"\nshort_name = "ATL03"\nversion = "007"\nprovider = "NSIDC_CPRD"\n'
    )
    return str(file.parent)


@pytest.fixture
def built(cmr: EarthdataStandin, definition: str, tmp_path: Path) -> Path:
    """A catalog that the verb ``build`` made of the many records."""
    out = tmp_path / "public"
    assert run("build", definition, "--out", str(out)).exit_code == 0
    return out


@pytest.fixture
def published(cloud: EarthdataStandin, tmp_path: Path) -> Path:
    """A catalog of the granules whose files the stand-in serves."""
    return publish(tmp_path / "catalog")


@pytest.fixture
def granule(cloud: EarthdataStandin, published: Path) -> str:
    """Id of a granule in ``published`` that has all its beams."""
    odd = cloud.world.odd.values()
    return next(one for one in ItemIndex.open(published).ids if one not in odd)
