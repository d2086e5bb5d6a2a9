"""Places to publish to: a bucket of a real S3 server, a folder behind a real nginx."""

from __future__ import annotations

import asyncio
import logging
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from catalog_builder.catalog.index.item_index import open_index
from catalog_builder.errors import AddressError, FolderError, PublishError
from catalog_builder.publish import destination
from catalog_builder.publish.destination import open_destination
from catalog_builder.publish.manifest import MANIFEST
from catalog_builder.publish.publication import publish
from tests.publish.published import Failing, InterruptedRunError, content, dangling

ROOT = Path(__file__).parents[2]


def stored(bucket: str, url: str) -> dict[str, bytes]:
    """All objects below ``site/``, but for the state of publishing."""
    import boto3

    client = boto3.client("s3", endpoint_url=url)
    keys = [one["Key"] for one in client.list_objects_v2(Bucket=bucket).get("Contents", [])]
    found = {
        key.removeprefix("site/"): client.get_object(Bucket=bucket, Key=key)["Body"].read()
        for key in keys
        if ".publish/" not in key
    }
    client.close()
    return found


def headers(bucket: str, url: str, path: str) -> dict[str, str]:
    import boto3

    client = boto3.client("s3", endpoint_url=url)
    answer = client.head_object(Bucket=bucket, Key=f"site/{path}")
    client.close()
    found: dict[str, str] = answer["ResponseMetadata"]["HTTPHeaders"]
    return found


def test_a_file_is_no_place_to_publish_to(first: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(FolderError, match="cannot be a folder"):
        publish(first, str(tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "x"


def test_a_file_that_publishing_never_wrote_is_not_read_whole(
    first: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = f"s3://{bucket}/site"
    publish(first, to)
    monkeypatch.setattr(destination, "MOST_BYTES", 100)
    with pytest.raises(PublishError, match=f"a {MANIFEST} of more than 100 bytes"):
        publish(first, to)


def test_a_bucket_gets_what_changed(
    first: Path, second: Path, bucket: str, moto_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    to = f"s3://{bucket}/site"
    publish(first, to)
    assert stored(bucket, moto_url) == content(first)
    old, new = content(first), content(second)
    report = publish(second, to)
    assert set(report.uploaded) == {path for path in new if old.get(path) != new[path]}
    assert stored(bucket, moto_url) == new
    assert publish(second, to, full=True).uploaded == []
    item = next(path for path in new if path.endswith("_01.json"))
    index, found = (headers(bucket, moto_url, path) for path in ("items.parquet", item))
    assert index["content-type"] == "application/vnd.apache.parquet"
    assert index["cache-control"] == "no-cache, no-transform"
    assert "content-encoding" not in index
    assert found["content-type"] == "application/geo+json"
    assert "max-age=3600" in found["cache-control"]
    assert "not-to-be-told" not in caplog.text


@pytest.mark.parametrize("at", [3, 12, 18])
def test_a_bucket_is_whole_wherever_a_run_ends(
    first: Path, second: Path, bucket: str, moto_url: str, at: int
) -> None:
    to = open_destination(f"s3://{bucket}/site")
    publish(first, to)
    with pytest.raises(InterruptedRunError):
        publish(second, Failing(to, at, after=False))
    assert not dangling(stored(bucket, moto_url))
    publish(second, to)
    assert stored(bucket, moto_url) == content(second)


def test_a_large_file_comes_in_parts(bucket: str, moto_url: str, tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(bytes(range(256)) * 2**16)
    to = open_destination(f"s3://{bucket}/site")
    asyncio.run(to.put("items.parquet", file, {"Content-Type": "application/x-large"}))
    assert stored(bucket, moto_url)["items.parquet"] == file.read_bytes()


def test_a_bucket_that_is_not_there_is_told(first: Path, bucket: str) -> None:
    with pytest.raises(PublishError, match=r"NoSuchBucket.*no such bucket") as told:
        publish(first, f"s3://{bucket}-not/site")
    assert "not-to-be-told" not in str(told.value)
    assert told.value.__cause__ is None


@pytest.mark.parametrize(
    "address",
    ["http://host/site", "ftp://host", "s3://key:secret@bucket/site", "az://a/b?sig=secret"],
)
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(AddressError) as told:
        open_destination(address)
    assert "secret" not in str(told.value)


def test_stores_of_other_clouds_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "c2VjcmV0")
    assert open_destination("az://container/site").name == "az://container/site"
    assert open_destination("gs://bucket/site").name == "gs://bucket/site"


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A real nginx with the configuration of the documentation, and the folder that it serves."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    if not Path(program).exists():
        pytest.skip("nginx is not installed (apt-get install nginx)")
    text = (ROOT / "docs" / "publishing.md").read_text()
    (server,) = re.findall(r"```nginx\n(.*?)```", text, re.DOTALL)
    root, port = tmp_path / "site", free_port()
    root.mkdir()
    server = server.replace("/srv/catalog", str(root)).replace(
        "listen 80;", f"listen 127.0.0.1:{port};"
    )
    temporary = "".join(
        f"{kind}_temp_path {tmp_path}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(
        f"pid {tmp_path}/pid;\nerror_log {tmp_path}/error.log;\ndaemon off;\n"
        f"user root;\nworker_processes 1;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}"
        f"include /etc/nginx/mime.types;\n{server}}}\n"
    )
    with subprocess.Popen([program, "-c", str(configuration)], stderr=subprocess.DEVNULL) as run:
        url = f"http://127.0.0.1:{port}"
        for _ in range(100):
            try:
                requests.get(url, timeout=5)
                break
            except requests.ConnectionError:
                time.sleep(0.05)
        yield url, root
        run.terminate()


def free_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_a_real_nginx_serves_what_was_published(
    first: Path, second: Path, nginx: tuple[str, Path]
) -> None:
    url, root = nginx
    publish(first, str(root))
    browser = {"Origin": "https://radiantearth.github.io", "Accept-Encoding": "gzip, br"}
    for path, kind in {
        "catalog.json": "application/json",
        "items.parquet": "application/vnd.apache.parquet",
        "catalog.yml": "application/yaml",
        next(path for path in content(first) if path.endswith(".zst")): "application/vnd.zarr",
    }.items():
        answer = requests.get(f"{url}/{path}", headers=browser, timeout=10)
        assert answer.content == content(first)[path]
        assert answer.headers["Content-Type"].startswith(kind), path
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Content-Encoding" not in answer.headers
    part = requests.get(
        f"{url}/items.parquet", headers={**browser, "Range": "bytes=4-9"}, timeout=10
    )
    assert part.status_code == 206
    assert part.content == content(first)["items.parquet"][4:10]
    assert "Content-Range" in part.headers["Access-Control-Expose-Headers"]
    asked = requests.options(
        f"{url}/items.parquet",
        headers={**browser, "Access-Control-Request-Headers": "range"},
        timeout=10,
    )
    assert asked.status_code == 204
    assert "Range" in asked.headers["Access-Control-Allow-Headers"]
    for hidden in (MANIFEST, ".catalog-builder/journal", "absent.json"):
        assert requests.get(f"{url}/{hidden}", timeout=10).status_code == 404
    index = open_index(url)
    assert len(index) == 9
    publish(second, str(root))
    assert sorted(open_index(url).ids) == sorted(open_index(second).ids)
