"""Granules that several tests of beams read."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_granule import write_usual_granule

from catalog_builder.beams.read import rejected_references
from catalog_builder.beams.storage.links import GranuleLinks
from tests.beams.bits import REAL


@pytest.fixture(scope="session")
def granule(tmp_path_factory: pytest.TempPathFactory) -> GranuleLinks:
    """``gt1l`` over ±180, ``gt1r`` empty, ``gt3r`` with photons in no segment; no others."""
    path = write_usual_granule(tmp_path_factory.mktemp("granule"))
    return GranuleLinks(local=str(path))


@pytest.fixture(scope="session")
def real(real_data: Path) -> GranuleLinks:
    return GranuleLinks(local=str(real_data / REAL))


@pytest.fixture(autouse=True)
def _no_references_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    """References that one test rejects are not rejected in the next."""
    monkeypatch.setattr(rejected_references, "_rejected", set())
