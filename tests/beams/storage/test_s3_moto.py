"""S3 as someone else wrote it: moto's server, with the AWS credentials of the environment."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from moto.server import ThreadedMotoServer
from stored_files import BUCKET, KEY, write_granule

from catalog_builder.beams.storage.download import download
from catalog_builder.beams.storage.granule_file import open_hdf5
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.errors import AccessError, GranuleNotFoundError

LINKS = GranuleLinks(s3=f"s3://{BUCKET}/{KEY}")


@pytest.fixture(scope="module")
def granule(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_granule(tmp_path_factory.mktemp("moto") / "granule.h5")


@pytest.fixture(scope="module")
def server(granule: Path) -> Iterator[str]:
    import boto3

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    client = boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-west-2",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    where = {"LocationConstraint": "us-west-2"}
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
    client.upload_file(str(granule), BUCKET, KEY)
    yield url
    client.close()
    server.stop()


@pytest.fixture(autouse=True)
def _environment(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE", "EARTHDATA_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def test_a_granule_is_read_through_s3fs() -> None:
    with open_hdf5(LINKS) as (file, href):
        assert href == LINKS.s3
        for name in ("second", "first"):
            np.testing.assert_array_equal(file[name][:], np.arange(1_300_000))


def test_a_granule_is_downloaded_through_obstore(granule: Path, tmp_path: Path) -> None:
    download(LINKS, tmp_path / "granule.h5")
    assert (tmp_path / "granule.h5").read_bytes() == granule.read_bytes()


@pytest.mark.parametrize("address", [f"s3://{BUCKET}/other.h5", "s3://no-such-bucket/other.h5"])
def test_nothing_there(address: str, tmp_path: Path) -> None:
    missing = GranuleLinks(s3=address)
    with pytest.raises(GranuleNotFoundError, match=f"nothing at {address}"), open_hdf5(missing):
        pass
    with pytest.raises(GranuleNotFoundError, match=f"nothing at {address}"):
        download(missing, tmp_path / "granule.h5")


def test_no_credentials_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    elsewhere = GranuleLinks(s3=LINKS.s3, region="us-east-2")
    with pytest.raises(AccessError, match="Unable to locate credentials"), open_hdf5(elsewhere):
        pass
