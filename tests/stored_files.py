"""Files that a test puts into the stand-in cloud, and what it then asks of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
import pytest

from catalog_builder.beams.storage.links import GranuleLinks
from earthdata_standin import EarthdataStandin, World
from earthdata_standin.objects import Objects

BUCKET = "nsidc-cumulus-prod-protected"
KEY = "ATLAS/granule.h5"


def store(cloud: EarthdataStandin, files: Mapping[str, Path]) -> None:
    """Let the cloud hold these files by key, in one bucket, and nothing else."""
    objects = Objects({f"{BUCKET}/{key}": path for key, path in files.items()}, {})
    cloud.world = World(collections=(), granules=(), objects=objects)


def links_to(cloud: EarthdataStandin, key: str = KEY) -> GranuleLinks:
    """Links of a file in the cloud's bucket."""
    return GranuleLinks(
        s3=f"s3://{BUCKET}/{key}",
        https=f"{cloud.data_url}/{BUCKET}/{key}",
        credentials_endpoint=cloud.credentials_endpoint,
    )


def write_granule(path: Path, values: int = 1_300_000) -> Path:
    """An HDF5 file of 20 MB, several blocks, in which every value is its own place."""
    with h5py.File(path, "w") as file:
        for name in ("first", "second"):
            file.create_dataset(name, data=np.arange(values, dtype="int64"), chunks=(100_000,))
    return path


def use_password(cloud: EarthdataStandin, monkeypatch: pytest.MonkeyPatch) -> None:
    """Log in to the cloud by user name and password instead of the token."""
    monkeypatch.delenv("EARTHDATA_TOKEN")
    monkeypatch.setenv("EARTHDATA_USERNAME", cloud.username)
    monkeypatch.setenv("EARTHDATA_PASSWORD", cloud.password)


def asked(cloud: EarthdataStandin, service: str) -> int:
    """How many requests a service has had."""
    return sum(request.service == service for request in cloud.requests)
