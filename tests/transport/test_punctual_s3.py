"""S3's answers begin in time, and its errors end, however s3fs waits for them."""

from __future__ import annotations

import socket
import threading

import pytest
from slow_server import Script, drips, says, slow_server

from catalog_builder.transport.answer_limits import TIMEOUT_VARIABLE
from catalog_builder.transport.s3_options import s3_timeouts
from catalog_builder.transport.stored_files import StoredFiles


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TIMEOUT_VARIABLE, "0.3")


def files_at(url: str) -> StoredFiles:
    """Files that are asked for once only."""
    once = {**s3_timeouts(), "retries": {"total_max_attempts": 1}}
    options = {"key": "k", "secret": "s", "endpoint_url": url, "config_kwargs": once}
    files = StoredFiles({**options, "skip_instance_cache": True})
    files.system.retries = 1
    return files


def test_a_head_that_drips_is_given_up() -> None:
    """Between two of its bytes lies less than the time that botocore waits for one."""
    with (
        slow_server(drips(b"HTTP/1.1 200 .\r\nX: ")) as url,
        pytest.raises(OSError, match="Read timeout on endpoint URL"),
    ):
        files_at(url).read("s3://bucket/file")


LONG = b"Content-Length: 100000000\r\n\r\n<Error><Code>Nope</Code>"
CHUNKS = b"Transfer-Encoding: chunked\r\n\r\n" + b"100000\r\n%s\r\n" % bytes(2**20) * 5


@pytest.mark.parametrize(
    ("script", "says_of_it"),
    [
        (says(b"HTTP/1.1 403 .\r\n" + LONG + bytes(5 * 2**20)), "more than .* of status 403"),
        (says(b"HTTP/1.1 500 .\r\n" + CHUNKS), "more than 4,194,304 bytes .* of status 500"),
        (drips(b"HTTP/1.1 403 .\r\n" + LONG), r"only \d+ bytes came .* of status 403 in 0.3"),
    ],
    ids=["long", "chunks", "drips"],
)
def test_an_error_without_end_is_cut_off(script: Script, says_of_it: str) -> None:
    """Once: neither botocore nor s3fs, which repeat what fails, ask for it again."""
    with slow_server(script) as url:
        files = files_at(url)
        files.system.retries = 3
        with pytest.raises(OSError, match=says_of_it):
            files.read("s3://bucket/file")


def test_a_page_of_names_without_end_is_cut_off() -> None:
    with (
        slow_server(says(b"HTTP/1.1 200 .\r\n" + CHUNKS)) as url,
        pytest.raises(OSError, match=r"more than 4,194,304 bytes .* of status 200"),
    ):
        files_at(url).system.ls("s3://bucket/folder")


def test_a_short_error_is_told_and_its_connection_kept() -> None:
    body = b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code><Message>none</Message></Error>"
    head = b"HTTP/1.1 404 .\r\nContent-Length: %d\r\n\r\n" % len(body)
    connections = 0

    def play(connection: socket.socket, _: threading.Event) -> None:
        nonlocal connections
        connections += 1
        connection.sendall(head + body)
        while connection.recv(65536):
            connection.sendall(head + body)

    with slow_server(play) as url:
        files = files_at(url)
        for _ in range(2):
            with pytest.raises(FileNotFoundError):
                files.read("s3://bucket/file")
    assert connections == 1
