"""Files in S3: whole, by range, and from servers that never end."""

from __future__ import annotations

import pytest
from scripted_server import Answer, Asked, ScriptedServer
from slow_server import drips, slow_server

from catalog_builder.transport.answer_limits import TIMEOUT_VARIABLE
from catalog_builder.transport.stored_files import StoredFiles, is_missing

URL = "s3://bucket/file"
HEAD = b"HTTP/1.1 200 .\r\nContent-Length: %d\r\n\r\n"


def at(server: str) -> StoredFiles:
    options = {"key": "k", "secret": "s", "endpoint_url": server, "skip_instance_cache": True}
    return StoredFiles(options)


def test_bytes_and_sizes() -> None:
    def reply(asked: Asked) -> Answer:
        if "list-type" in asked.path:
            return Answer(body=b"<ListBucketResult></ListBucketResult>")
        return Answer(status=404) if "other" in asked.path else Answer(body=b"0123456789")

    with ScriptedServer(reply) as server:
        files = at(server.url)
        assert files.read(URL) == b"0123456789"
        assert files.size(URL) == 10
        for call in (files.read, files.size):
            with pytest.raises(FileNotFoundError):
                call(f"{URL}.other")


def test_a_file_that_is_longer_than_its_kind_may_be() -> None:
    with ScriptedServer(lambda _: Answer(body=bytes(2_000))) as server:
        files = at(server.url)
        assert len(files.read(URL, 2_000)) == 2_000
        with pytest.raises(OSError, match="more than 1,999 bytes came"):
            files.read(URL, 1_999)


def test_a_server_that_answers_one_byte_with_everything_is_cut_off() -> None:
    endless = drips(HEAD % 10**12, bytes(100_000), 0)
    with slow_server(endless) as url, pytest.raises(OSError, match="more than 1 bytes came"):
        at(url).get(URL, 1, {"Range": "bytes=0-0"})


def test_a_body_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TIMEOUT_VARIABLE, "0.6")
    with slow_server(drips(HEAD % 10**6)) as url, pytest.raises(TimeoutError, match="only"):
        at(url).read(URL)


def test_what_is_missing() -> None:
    error = FileNotFoundError()
    assert not is_missing(error)
    error.response = {"Error": {"Code": "NoSuchKey"}}  # type: ignore[attr-defined]
    assert is_missing(error)


def test_options_are_those_of_the_file_system() -> None:
    files = StoredFiles({"key": "a-key", "secret": "a-secret", "anon": False})
    assert (files.system.key, files.system.secret) == ("a-key", "a-secret")
