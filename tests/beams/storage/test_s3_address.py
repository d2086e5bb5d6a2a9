"""The address of a granule in S3: what is none, leads keys to another host."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog_builder.beams.storage.download import download
from catalog_builder.beams.storage.granule_file import open_granule_file
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.beams.storage.s3_address import s3_endpoint, split_s3
from catalog_builder.errors import AccessError
from earthdata_standin import EarthdataStandin


def test_bucket_and_key() -> None:
    assert split_s3(GranuleLinks(s3="s3://my-bucket/a/b c.h5")) == ("my-bucket", "a/b c.h5")


@pytest.mark.parametrize(
    ("address", "region"),
    [
        ("s3://bucket", "us-west-2"),
        ("https://bucket/key", "us-west-2"),
        ("s3://evil.com?/key", "us-west-2"),
        ("s3://evil.com#/key", "us-west-2"),
        ("s3://me@evil.com/key", "us-west-2"),
        ("s3://bucket/key", "evil.com/?us-west-2"),
        ("s3://bucket/key", "us-west-2.evil.com"),
        ("s3://bucket/key", ""),
    ],
)
def test_no_catalog_leads_keys_to_another_host(
    cloud: EarthdataStandin, tmp_path: Path, address: str, region: str
) -> None:
    links = GranuleLinks(
        s3=address, region=region, credentials_endpoint=cloud.credentials_endpoint
    )
    with pytest.raises(AccessError, match="is no S3 address"):
        open_granule_file(links)
    with pytest.raises(AccessError, match="is no S3 address"):
        download(links, tmp_path / "granule.h5")
    assert not cloud.requests


def test_the_endpoint_is_the_one_for_s3(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    assert s3_endpoint() is None
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert s3_endpoint() == "http://127.0.0.1:1"
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:2")
    assert s3_endpoint() == "http://127.0.0.1:2"
