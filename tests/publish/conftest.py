"""A catalog to publish, and its next version."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from building import DEFINITION, build_from, records_of
from moto.server import ThreadedMotoServer

from earthdata_standin import EarthdataStandin

RECORDS = records_of()[:9]


@pytest.fixture(scope="session")
def versions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two versions of a catalog: in the second, granules are new, revised and gone."""
    root = tmp_path_factory.mktemp("versions")
    newer = records_of()[2:12]
    newer[3]["meta"]["revision-id"] += 1
    newer[3]["meta"]["revision-date"] = "2026-01-01T00:00:00.000Z"
    with EarthdataStandin() as cloud:
        build_from(cloud, root / "first", RECORDS, DEFINITION)
        shutil.copytree(root / "first", root / "second")
        build_from(cloud, root / "second", newer, DEFINITION, full=True)
    for folder in ("first", "second"):
        reference = add_references(root / folder)
        assert reference.exists()
    return root / "first", root / "second"


def add_references(folder: Path) -> Path:
    """A reference file of a granule, of any content: publishing does not look into it."""
    item = sorted(folder.glob("*/cycle-*/*/ATL03_*.json"))[-1]
    collection = item.relative_to(folder).parts[0]
    inside = item.parent.relative_to(folder / collection)
    reference = folder / collection / "references" / inside / f"{item.stem}.json.zst"
    reference.parent.mkdir(parents=True)
    reference.write_bytes(folder.name.encode())
    return reference


@pytest.fixture
def first(versions: tuple[Path, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(versions[0], tmp_path / "first"))


@pytest.fixture
def second(versions: tuple[Path, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(versions[1], tmp_path / "second"))


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """moto's server."""
    import logging

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def bucket(moto_url: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """Name of a new bucket, which the environment leads to."""
    import boto3

    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", moto_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-to-be-told")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    name = f"catalogs-{abs(hash(request.node.nodeid)) % 10**9}"
    client = boto3.client("s3", endpoint_url=moto_url, region_name="us-east-1")
    client.create_bucket(Bucket=name)
    client.close()
    return name
