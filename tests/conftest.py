"""Fixtures that several test modules share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def _folder(variable: str, default: Path) -> Path:
    folder = Path(os.environ.get(variable, default))
    if not folder.is_dir():
        pytest.skip(f"{variable}: no folder {folder}")
    return folder


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Real records and granules, where this machine has them."""
    return _folder("ATL03_REAL_DATA", ROOT.parent / "shared" / "real")


@pytest.fixture(scope="session")
def schemas() -> Path:
    """STAC extension schemas, where this machine has them."""
    return _folder("ATL03_SCHEMAS", ROOT.parent / "shared" / "schemas")
