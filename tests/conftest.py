"""Fixtures that several test modules share."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from pystac.validation.stac_validator import JsonSchemaSTACValidator

from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.products.granule_name import GranuleName
from earthdata_standin import EarthdataStandin, World

ROOT = Path(__file__).parent.parent

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")  # seconds tell of the machine, not of the code


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


@pytest.fixture(scope="session")
def validator(schemas: Path) -> JsonSchemaSTACValidator:
    """pystac's validator, with the extensions' schemas from disk instead of the network."""
    from pystac.validation import RegisteredValidator

    validator = RegisteredValidator.get_validator()
    assert isinstance(validator, JsonSchemaSTACValidator)
    for path in schemas.glob("*.json"):
        schema = json.loads(path.read_text())
        validator.schema_cache[schema["$id"].removesuffix("#")] = schema
    return validator


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A small simulated world; its files are made once, when a test first asks for them."""
    return World.simulate(granules=12, photons=2_000, folder=tmp_path_factory.mktemp("world"))


def forget_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget keys that a stand-in gave which had the ports of a new one before."""
    monkeypatch.setattr("catalog_builder.auth.s3_credentials._providers", {})


@pytest.fixture
def cloud(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[EarthdataStandin]:
    """A stand-in cloud of its own for the test, which the environment leads to."""
    for name in list(os.environ):
        if name in {"CMR_URL", "NETRC"} or name.startswith(("EARTHDATA_", "AWS_")):
            monkeypatch.delenv(name)
    with EarthdataStandin(world=world, rewrite_links=True) as cloud:
        for name, value in cloud.environment.items():
            monkeypatch.setenv(name, value)
        forget_keys(monkeypatch)
        yield cloud


@pytest.fixture(params=["006", "007"])
def stored(request: pytest.FixtureRequest, cloud: EarthdataStandin) -> tuple[GranuleLinks, Path]:
    """Links of a granule that the stand-in serves, and the file itself."""
    key = next(
        key
        for key in sorted(cloud.world.objects)
        if key.endswith(".h5") and GranuleName.parse(key).release == request.param
    )
    links = GranuleLinks(
        s3=f"s3://{key}",
        https=f"{cloud.data_url}/{key}",
        credentials_endpoint=cloud.credentials_endpoint,
    )
    path = cloud.world.objects.get(key)
    assert path is not None
    return links, path
