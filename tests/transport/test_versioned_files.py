"""Parts of files over http(s) and in S3, each with its version."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer
from scripted_server import Answer, Asked, ScriptedServer
from web_folder import serve_folder

from catalog_builder.errors import AddressError
from catalog_builder.transport.file_version import FileChangedError
from catalog_builder.transport.versioned_files import StoredParts, WebParts, parts_of
from catalog_builder.transport.web_files import web_files

BODY = bytes(range(256)) * 40


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(BODY)
    return tmp_path


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)


def test_whole_and_in_parts(folder: Path) -> None:
    with ScriptedServer(serve_folder(folder)) as server:
        url = f"{server.url}/file"
        files = web_files(url)
        assert files.read(url) == BODY
        assert WebParts(files, url).read_end(10)[0] == BODY[-10:]
        assert WebParts(files, url).read_end(10**6)[0] == BODY
        assert files.size(url) == len(BODY)
        spans = [(start, start + 100) for start in range(0, 3000, 100)]
        asked = len(server.asked)
        assert WebParts(files, url).read_spans(spans, None) == [
            BODY[start:stop] for start, stop in spans
        ]
        assert len(server.asked) == asked + len(spans)
        with pytest.raises(FileNotFoundError):
            files.read(f"{server.url}/other")
        assert {one.headers["Accept-Encoding"] for one in server.asked} == {"identity"}


def test_a_host_that_compresses_all_the_same(folder: Path) -> None:
    """What it compresses whole is read; its ranges, which would be of other bytes, are not."""

    def script(asked: Asked) -> Answer:
        whole = gzip.compress(BODY)
        headers = {"Content-Encoding": "gzip"}
        if "Range" not in asked.headers:
            return Answer(headers=headers, body=whole)
        headers["Content-Range"] = f"bytes 0-9/{len(whole)}"
        return Answer(status=206, headers=headers, body=whole[:10])

    with ScriptedServer(script) as server:
        files, url = web_files(server.url), f"{server.url}/file"
        assert files.read(url) == BODY
        assert WebParts(files, url).read_end(10)[0] == BODY
        assert files.size(url) is None
        with pytest.raises(OSError, match=r"compresses parts of files \(gzip\)"):
            WebParts(files, url).read_spans([(0, 10)], None)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Answer(body=BODY), "whole files only"),
        (Answer(status=206, body=BODY[:11]), "more than the 10 bytes"),
        (Answer(status=206, body=BODY[:9]), "9 bytes came for bytes 20 to 30"),
        (
            Answer(status=206, body=BODY[:10], headers={"Content-Range": "bytes 0-9/*"}),
            "bytes from 0 on came for bytes 20 to 30",
        ),
        (Answer(status=403), "HTTP 403"),
    ],
)
def test_a_range_other_than_the_requested_one(answer: Answer, says: str) -> None:
    with ScriptedServer(lambda _: answer) as server, pytest.raises(OSError, match=says):
        WebParts(web_files(server.url), f"{server.url}/file").read_spans([(20, 30)], None)


class Bucket:
    """One object behind moto's S3."""

    def __init__(self, url: str) -> None:
        from s3fs import S3FileSystem

        self.options = {"key": "test", "secret": "test", "endpoint_url": url}
        self.files = S3FileSystem(**self.options, skip_instance_cache=True)
        self.files.mkdir("replaced-catalogs")
        self.address = "s3://replaced-catalogs/file"

    def write(self, body: bytes) -> None:
        self.files.pipe_file(self.address, body)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    try:
        yield Bucket("http://{}:{}".format(*moto.get_host_and_port()))
    finally:
        moto.stop()


def test_parts_of_an_object_in_s3(bucket: Bucket) -> None:
    bucket.write(BODY)
    parts = parts_of(bucket.address, bucket.options)
    assert isinstance(parts, StoredParts)
    body, version = parts.read()
    assert (body, version.size) == (BODY, len(BODY))
    assert version.is_certain
    end, same = parts.read_end(10)
    assert end == BODY[-10:]
    assert same.agrees_with(version)
    assert parts.read_spans([(0, 7), (500, 800)], version) == [BODY[:7], BODY[500:800]]
    assert parts.is_unchanged(version, end)
    bucket.write(BODY[:-10] + bytes(10))
    assert not parts.is_unchanged(version, end)
    with pytest.raises(FileChangedError):
        parts.read_spans([(0, 7)], version)


@pytest.mark.parametrize("certain", [True, False])
def test_a_replaced_file_is_seen_in_one_request(folder: Path, certain: bool) -> None:
    """By its ETag; of a host that sends none, by the bytes at its end."""
    plain = serve_folder(folder)

    def answer(asked: Asked) -> Answer:
        found = plain(asked)
        if certain:
            found.headers["ETag"] = tag = f'"{hash((folder / "file").read_bytes())}"'
            if asked.headers.get("If-None-Match") == tag:
                return Answer(status=304)
        return found

    with ScriptedServer(answer) as server:
        parts = parts_of(f"{server.url}/file", {})
        end, version = parts.read_end(20)
        assert version.is_certain == certain
        for body, same in ((BODY, True), (BODY[:-5] + b"other", False)):
            (folder / "file").write_bytes(body)
            server.asked.clear()
            assert parts.is_unchanged(version, end) == same
            assert len(server.asked) == 1


def test_spans_of_another_version_are_not_mixed_in(folder: Path) -> None:
    with ScriptedServer(serve_folder(folder)) as server:
        parts = parts_of(f"{server.url}/file", {})
        _, version = parts.read_end(20)
        (folder / "file").write_bytes(BODY + b"more")
        with pytest.raises(FileChangedError, match="replaced while it was read"):
            parts.read_spans([(0, 10), (20, 30)], version)


def test_a_host_without_ranges_from_the_end(folder: Path) -> None:
    """It is asked for the size, then for the last bytes by number."""
    plain = serve_folder(folder)

    def answer(asked: Asked) -> Answer:
        if asked.headers.get("Range", "").startswith("bytes=-"):
            return Answer(status=416)
        return plain(asked)

    with ScriptedServer(answer) as server:
        parts = parts_of(f"{server.url}/file", {})
        end, version = parts.read_end(10)
        assert (end, version.size) == (BODY[-10:], len(BODY))
        assert parts.is_unchanged(version, end)
        (folder / "file").write_bytes(BODY + b"more")
        assert not parts.is_unchanged(version, end)
        (folder / "file").write_bytes(b"")
        assert parts.read_end(10)[0] == b""


def test_only_known_protocols_have_parts() -> None:
    with pytest.raises(AddressError, match=r"gs://bucket/file cannot be read"):
        parts_of("gs://bucket/file", {})
