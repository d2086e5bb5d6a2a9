"""Fixtures of the stand-in's own tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from earthdata_standin import EarthdataStandin, World
from tests.earthdata_standin.standin_clients import BUCKET, CONTENT, KEY, NAME


@pytest.fixture(scope="session")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("objects") / NAME
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def store(file: Path) -> Iterator[EarthdataStandin]:
    """A stand-in whose buckets hold three objects, all with the same content."""
    objects = {
        f"{BUCKET}/{KEY}": file,
        f"{BUCKET}/ATLAS/a key+with (odd) signs=~ü.h5": file,
        f"{BUCKET.replace('protected', 'public')}/{KEY}": file,
    }
    world = World.from_records([], objects=objects)
    with EarthdataStandin(world=world) as cloud:
        yield cloud
