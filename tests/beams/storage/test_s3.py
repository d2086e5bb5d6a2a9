"""A granule in S3: the stand-in's and moto's, keys that end, and S3's errors as ours."""

from __future__ import annotations

import logging
import os
import pickle
import traceback
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from moto.server import ThreadedMotoServer
from scripted_server import Answer, ScriptedServer
from stored_files import BUCKET, KEY, links_to

from catalog_builder.auth.s3_credentials import find_credentials
from catalog_builder.beams.storage.byte_source import RANGE, ByteSource
from catalog_builder.beams.storage.download import download
from catalog_builder.beams.storage.granule_file import open_granule_file, open_hdf5
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.beams.storage.s3 import (
    S3Source,
    StoreSource,
    new_store_for,
    store_for,
)
from catalog_builder.errors import (
    AccessError,
    CredentialsExpiredError,
    GranuleNotFoundError,
)
from earthdata_standin import EarthdataStandin
from tests.beams.storage.granule_reads import VALUES, keys_fetched, read_slowly

S3_ERROR = "<?xml version='1.0'?><Error><Code>%s</Code><Message>no</Message>%s</Error>"

LINKS = GranuleLinks(s3=f"s3://{BUCKET}/{KEY}")


@pytest.fixture(scope="module")
def moto_url(granule: Path) -> Iterator[str]:
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


@pytest.fixture
def moto(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """moto's server, with the AWS credentials of the environment."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", moto_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE", "EARTHDATA_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("moto")
def test_a_granule_is_read_through_s3fs() -> None:
    with open_hdf5(LINKS) as (file, href):
        assert href == LINKS.s3
        for name in ("second", "first"):
            np.testing.assert_array_equal(file[name][:], np.arange(VALUES))


@pytest.mark.usefixtures("moto")
def test_a_granule_is_downloaded_through_obstore(granule: Path, tmp_path: Path) -> None:
    download(LINKS, tmp_path / "granule.h5")
    assert (tmp_path / "granule.h5").read_bytes() == granule.read_bytes()


@pytest.mark.usefixtures("moto")
@pytest.mark.parametrize("address", [f"s3://{BUCKET}/other.h5", "s3://no-such-bucket/other.h5"])
def test_nothing_there(address: str, tmp_path: Path) -> None:
    missing = GranuleLinks(s3=address)
    with pytest.raises(GranuleNotFoundError, match=f"nothing at {address}"), open_hdf5(missing):
        pass
    with pytest.raises(GranuleNotFoundError, match=f"nothing at {address}"):
        download(missing, tmp_path / "granule.h5")


@pytest.mark.usefixtures("moto")
def test_no_credentials_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    elsewhere = GranuleLinks(s3=LINKS.s3, region="us-east-2")
    with pytest.raises(AccessError, match="Unable to locate credentials"), open_hdf5(elsewhere):
        pass


@pytest.mark.usefixtures("little_memory")
def test_an_open_file_outlives_its_keys(links: GranuleLinks, cloud: EarthdataStandin) -> None:
    cloud.faults.key_lifetime = 2
    assert read_slowly(links, "s3", 6) > 20
    assert keys_fetched(cloud) >= 3


@pytest.mark.heavy
@pytest.mark.usefixtures("little_memory")
def test_a_read_of_30_seconds_outlives_keys_of_5(
    links: GranuleLinks, cloud: EarthdataStandin
) -> None:
    cloud.faults.key_lifetime = 5
    assert read_slowly(links, "s3", 30) > 100
    assert keys_fetched(cloud) >= 6


@pytest.mark.usefixtures("little_memory")
def test_keys_that_s3_refuses_are_renewed_at_once(
    links: GranuleLinks, cloud: EarthdataStandin
) -> None:
    provider = find_credentials(cloud.credentials_endpoint)
    with open_hdf5(links, "s3") as (file, _):
        provider._keys = provider() | {"access_key_id": "ASIAREVOKED"}
        np.testing.assert_array_equal(file["second"][-1000:], np.arange(VALUES)[-1000:])
    assert keys_fetched(cloud) == 2


def test_keys_that_s3_refuses_twice(
    cloud: EarthdataStandin, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = S3_ERROR % ("ExpiredToken", "<Token-0>the-session-token</Token-0>")
    with ScriptedServer(lambda _: Answer(status=400, body=ended.encode())) as s3:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.url)
        with pytest.raises(CredentialsExpiredError, match="ExpiredToken") as caught:
            open_granule_file(links_to(cloud), "s3")
    assert keys_fetched(cloud) == 2
    assert "the-session-token" not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


@pytest.mark.heavy
def test_an_s3_that_is_down(
    cloud: EarthdataStandin, gone: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", gone)
    with pytest.raises(AccessError, match="could not be read: Could not connect"):
        open_granule_file(links_to(cloud), "s3")
    with pytest.raises(AccessError, match="gave no answer, each time it was asked"):
        download(links_to(cloud), tmp_path / "granule.h5", "s3")


def _read_there(links: GranuleLinks) -> tuple[int, str]:
    with open_hdf5(links, "s3") as (file, _):
        return int(file["first"][-1]), str(os.getpid())


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_workers_fetch_their_own_keys(
    links: GranuleLinks, cloud: EarthdataStandin, method: str
) -> None:
    _read_there(links)  # so that there is something here to inherit
    sent = pickle.dumps(links)
    assert cloud.token.encode() not in sent
    with (
        warnings.catch_warnings(),
        ProcessPoolExecutor(2, mp_context=get_context(method)) as pool,
    ):
        warnings.simplefilter("ignore", DeprecationWarning)  # fork beside threads
        answers = list(pool.map(_read_there, [links] * 4))
    assert {value for value, _ in answers} == {VALUES - 1}
    assert keys_fetched(cloud) == 1 + len({process for _, process in answers})


@pytest.mark.parametrize("kind", [S3Source, StoreSource])
def test_ranges_are_those_of_the_file(
    links: GranuleLinks, granule: Path, kind: type[S3Source | StoreSource]
) -> None:
    source: ByteSource = kind(links)
    stored = granule.read_bytes()
    assert (source.href, source.size) == (links.s3, len(stored))
    assert source.etag
    for start, stop in ((0, 1), (7, 100_000), (len(stored) - 9, len(stored))):
        assert source.read(start, stop) == stored[start:stop]
    source.close()
    source.close()


def test_pieces_are_whole_ranges(links: GranuleLinks, granule: Path) -> None:
    source = S3Source(links)
    pieces = list(source.pieces(5, 5 + RANGE + 10))
    assert [len(piece) for piece in pieces] == [RANGE, 10]
    assert b"".join(pieces) == granule.read_bytes()[5 : 15 + RANGE]
    source.close()


def test_one_store_serves_a_bucket_until_it_is_replaced(links: GranuleLinks) -> None:
    store, key = store_for(links)
    assert key == KEY
    other = GranuleLinks(
        s3=f"s3://{BUCKET}/other.h5", credentials_endpoint=links.credentials_endpoint
    )
    assert store_for(other) == (store, "other.h5")
    assert store_for(other)[0] is store
    newer, _ = new_store_for(links)
    assert newer is not store
    assert store_for(other)[0] is newer
