"""S3, read by boto3, s3fs and obstore."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError
from obstore.auth.earthdata import NasaEarthdataCredentialProvider

from earthdata_standin import EarthdataStandin, World
from tests.earthdata_standin.standin_clients import (
    BUCKET,
    CONTENT,
    KEY,
    NAME,
    bearer,
    s3_client,
)


def test_boto3_reads_objects(store: EarthdataStandin) -> None:
    client = s3_client(store)
    head = client.head_object(Bucket=BUCKET, Key=KEY)
    assert head["ContentLength"] == len(CONTENT)
    whole = client.get_object(Bucket=BUCKET, Key=KEY)
    assert whole["ETag"] == head["ETag"]
    assert whole["Body"].read() == CONTENT
    odd = client.get_object(Bucket=BUCKET, Key="ATLAS/a key+with (odd) signs=~ü.h5")
    assert odd["Body"].read() == CONTENT


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=10-99", slice(10, 100)),
        ("bytes=1000000-", slice(1_000_000, None)),
        ("bytes=1000000-99999999", slice(1_000_000, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=-99999999", slice(None)),
    ],
)
def test_ranges(store: EarthdataStandin, asked: str, part: slice) -> None:
    answer = s3_client(store).get_object(Bucket=BUCKET, Key=KEY, Range=asked)
    expected = CONTENT[part]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert answer["Body"].read() == expected
    start = CONTENT.index(expected) if len(expected) > 1 else 0
    assert answer["ContentRange"] == f"bytes {start}-{start + len(expected) - 1}/{len(CONTENT)}"
    assert store.requests[-1].bytes == len(expected)
    assert store.requests[-1].range == asked


def test_conditions(store: EarthdataStandin) -> None:
    client = s3_client(store)
    etag = client.head_object(Bucket=BUCKET, Key=KEY)["ETag"]
    good = client.get_object(Bucket=BUCKET, Key=KEY, IfMatch=etag, Range="bytes=0-9")
    assert good["Body"].read() == CONTENT[:10]
    assert refusal(client.get_object, IfMatch='"other"') == (412, "PreconditionFailed")
    assert refusal(client.get_object, IfNoneMatch=etag)[0] == 304


def test_a_range_of_a_file_that_has_changed_is_the_whole_file(store: EarthdataStandin) -> None:
    url = f"{store.data_url}/{BUCKET.replace('protected', 'public')}/{KEY}"
    etag = requests.head(url, allow_redirects=True, timeout=10).headers["ETag"]
    part = {"Range": "bytes=5-9"}
    same = requests.get(url, headers={**part, "If-Range": etag}, timeout=10)
    assert (same.status_code, same.content) == (206, CONTENT[5:10])
    other = requests.get(url, headers={**part, "If-Range": '"other"'}, timeout=10)
    assert (other.status_code, other.content) == (200, CONTENT)


def test_a_client_that_hangs_up(
    store: EarthdataStandin, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    large = tmp_path / "large.h5"
    with large.open("wb") as file:
        file.truncate(100_000_000)
    store.world = World.from_records([], objects={"some-public/large.h5": large})
    for bandwidth in (None, 1e6):
        store.faults.bandwidth = bandwidth
        url = f"{store.data_url}/some-public/large.h5"
        with requests.get(url, stream=True, timeout=10) as answer:
            assert len(answer.raw.read(1000)) == 1000
    store.stop()
    assert caplog.records == []


def refusal(call: Any, *, bucket: str = BUCKET, key: str = KEY, **kwargs: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        call(Bucket=bucket, Key=key, **kwargs)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def test_what_is_not_there(store: EarthdataStandin) -> None:
    client = s3_client(store)
    assert refusal(client.get_object, key="nothing") == (404, "NoSuchKey")
    assert refusal(client.head_object, key="nothing") == (404, "404")
    assert refusal(client.get_object, Range=f"bytes={len(CONTENT)}-") == (416, "InvalidRange")
    with pytest.raises(ClientError, match="MethodNotAllowed"):
        client.delete_object(Bucket=BUCKET, Key=KEY)


def test_keys_are_checked(store: EarthdataStandin) -> None:
    issued = requests.get(
        store.credentials_endpoint, headers=bearer(store.token), timeout=10
    ).json()
    good = {
        "aws_access_key_id": issued["accessKeyId"],
        "aws_secret_access_key": issued["secretAccessKey"],
        "aws_session_token": issued["sessionToken"],
    }
    for changed, code in (
        ({"aws_access_key_id": "ASIAOTHER"}, (403, "InvalidAccessKeyId")),
        ({"aws_secret_access_key": "other"}, (403, "SignatureDoesNotMatch")),
        ({"aws_session_token": "other"}, (400, "InvalidToken")),
    ):
        client = s3_client(store, **{**good, **changed})
        assert refusal(client.get_object) == code
    assert s3_client(store, **good).head_object(Bucket=BUCKET, Key=KEY)
    unsigned = requests.get(f"{store.s3_url}/{BUCKET}/{KEY}", timeout=10)
    assert (unsigned.status_code, "AccessDenied" in unsigned.text) == (403, True)


def test_keys_expire(store: EarthdataStandin) -> None:
    store.faults.key_lifetime = 0.2
    client = s3_client(store)
    time.sleep(0.25)
    assert refusal(client.get_object) == (400, "ExpiredToken")


def test_out_of_region(store: EarthdataStandin) -> None:
    client = s3_client(store)
    store.faults.in_region = False
    assert refusal(client.get_object) == (403, "AccessDenied")
    assert refusal(client.head_object) == (403, "403")
    store.faults.in_region = True
    assert client.head_object(Bucket=BUCKET, Key=KEY)


def test_listing(store: EarthdataStandin) -> None:
    client = s3_client(store)
    listing = client.list_objects_v2(Bucket=BUCKET, Prefix="ATLAS/")
    assert [c["Key"] for c in listing["Contents"]] == [KEY, "ATLAS/a key+with (odd) signs=~ü.h5"]
    assert listing["Contents"][0]["Size"] == len(CONTENT)
    folders = client.list_objects_v2(Bucket=BUCKET, Prefix="ATLAS/", Delimiter="/")
    assert [p["Prefix"] for p in folders["CommonPrefixes"]] == ["ATLAS/ATL03/"]
    pages = client.get_paginator("list_objects_v2").paginate(
        Bucket=BUCKET, PaginationConfig={"PageSize": 1}
    )
    assert [c["Key"] for page in pages for c in page["Contents"]] == [
        c["Key"] for c in listing["Contents"]
    ]


def test_s3fs_reads_objects(store: EarthdataStandin, monkeypatch: pytest.MonkeyPatch) -> None:
    import s3fs

    issued = requests.get(
        store.credentials_endpoint, headers=bearer(store.token), timeout=10
    ).json()
    fs = s3fs.S3FileSystem(
        key=issued["accessKeyId"],
        secret=issued["secretAccessKey"],
        token=issued["sessionToken"],
        endpoint_url=store.s3_url,
        skip_instance_cache=True,
    )
    with fs.open(f"{BUCKET}/{KEY}", block_size=300_000) as remote:
        remote.seek(-5, 2)
        assert remote.read() == CONTENT[-5:]
    assert fs.cat_file(f"{BUCKET}/{KEY}", start=3, end=9) == CONTENT[3:9]
    assert fs.exists(f"{BUCKET}/{KEY}")
    assert not fs.exists(f"{BUCKET}/{KEY}.other")
    assert [Path(p).name for p in fs.ls(str(Path(f"{BUCKET}/{KEY}").parent))] == [NAME]


def test_obstore_reads_objects(store: EarthdataStandin) -> None:
    import obstore

    provider = NasaEarthdataCredentialProvider(store.credentials_endpoint, auth=store.token)
    s3 = obstore.store.S3Store(
        BUCKET,
        endpoint=store.s3_url,
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
        credential_provider=provider,
    )
    try:
        assert bytes(obstore.get_range(s3, KEY, start=5, end=50)) == CONTENT[5:50]
        parts = obstore.get_ranges(s3, KEY, starts=[0, 900_000], ends=[10, 900_010])
        assert [bytes(p) for p in parts] == [CONTENT[:10], CONTENT[900_000:900_010]]
        assert obstore.head(s3, KEY)["size"] == len(CONTENT)
        (page,) = list(obstore.list(s3, prefix="ATLAS/ATL03"))
        assert [entry["path"] for entry in page] == [KEY]
    finally:
        provider.close()


def test_files_break_off_or_are_refused(store: EarthdataStandin) -> None:
    client = s3_client(store)
    store.faults.object_unavailable = 1
    assert refusal(client.get_object) == (503, "SlowDown")
    store.faults.object_truncate = 1
    with pytest.raises(Exception, match="IncompleteRead"):
        client.get_object(Bucket=BUCKET, Key=KEY)["Body"].read()
    assert client.get_object(Bucket=BUCKET, Key=KEY)["Body"].read() == CONTENT


def test_latency_and_bandwidth(store: EarthdataStandin) -> None:
    client = s3_client(store)
    store.faults.latency, store.faults.bandwidth = 0.1, 5e6
    began = time.monotonic()
    assert client.get_object(Bucket=BUCKET, Key=KEY)["Body"].read() == CONTENT
    assert time.monotonic() - began > 0.1 + len(CONTENT) / 5e6 - 0.01
