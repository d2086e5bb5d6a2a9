"""Every part of an answer that never ends, or never comes, ends in time."""

from __future__ import annotations

import gzip
import re
import socket
import threading
import tracemalloc

import pytest
import requests
from slow_server import HEAD, Script, drips, says, slow_server

from catalog_builder.transport.answer_limits import TIMEOUT_VARIABLE
from catalog_builder.transport.http_error import reason
from catalog_builder.transport.retries import NO_RETRIES, retries
from catalog_builder.transport.session import PlainSession

GZIP = b"HTTP/1.1 200 .\r\nContent-Encoding: gzip\r\nContent-Length: 1000000\r\n\r\n"

SLOW: dict[str, tuple[Script, str]] = {
    "silent": (says(b""), "it sent nothing for 0.3 s"),
    "silent after the head": (says(HEAD), "it sent nothing for 0.3 s"),
    "status drips": (drips(b"", b"H"), "bytes came in"),
    "header drips": (drips(b"HTTP/1.1 200 .\r\nX: "), "bytes came in"),
    "headers": (drips(b"HTTP/1.1 200 .\r\n", b"X: x\r\n"), "bytes came in|100 headers"),
    "100 for ever": (drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "bytes came in"),
    "length": (drips(HEAD), "bytes came in"),
    "chunked": (
        drips(b"HTTP/1.1 200 .\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        "bytes came in",
    ),
    "neither": (drips(b"HTTP/1.1 200 .\r\n\r\n"), "bytes came in"),
    "gzip": (drips(GZIP + gzip.compress(b"abc")[:10], b"\0"), "bytes came in|decode"),
    # A file name in gzip's head inflates to nothing: the reader gets no byte between two looks.
    "gzip's head": (drips(GZIP + bytes.fromhex("1f8b0808000000000003")), "bytes came in"),
    "redirect": (
        drips(b"HTTP/1.1 302 .\r\nLocation: /x\r\nContent-Length: 1000000\r\n\r\n"),
        "bytes came in",
    ),
}


@pytest.mark.parametrize("name", SLOW)
def test_a_slow_answer_is_given_up(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TIMEOUT_VARIABLE, "0.3")
    script, words = SLOW[name]
    with (
        slow_server(script) as url,
        PlainSession(NO_RETRIES, most_bytes=None) as client,
        pytest.raises(requests.RequestException) as caught,
    ):
        client.get(url).content  # noqa: B018 (it is read)
    assert re.search(words, reason(caught.value)), reason(caught.value)


@pytest.mark.parametrize("status", [b"503", b"429"])
def test_what_comes_with_a_busy_answer_is_not_waited_for(
    status: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """urllib3 reads all of it before it asks again."""
    monkeypatch.setenv(TIMEOUT_VARIABLE, "0.3")
    head = b"HTTP/1.1 %s .\r\n\r\n" % status
    with slow_server(drips(head, bytes(100_000), 0)) as url, PlainSession(retries(1)) as client:
        answer = client.get(url, stream=True)
        assert answer.status_code == int(status)


def test_a_redirect_whose_body_is_damaged_and_endless(monkeypatch: pytest.MonkeyPatch) -> None:
    """requests reads the raw rest of a body that it cannot decode."""
    monkeypatch.setenv(TIMEOUT_VARIABLE, "5")
    head = b"HTTP/1.1 302 .\r\nLocation: /x\r\nContent-Encoding: gzip\r\n\r\n"
    tracemalloc.start()
    try:
        with (
            slow_server(drips(head, b"y" * 1_000_000, 0)) as url,
            PlainSession(NO_RETRIES) as client,
            pytest.raises(requests.TooManyRedirects),
        ):
            client.get(url)
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()


def test_a_steady_answer_comes_whole_through_any_number_of_reads() -> None:
    body = bytes(range(256)) * 4_000

    def send(connection: socket.socket, _: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 200 .\r\nContent-Length: %d\r\n\r\n" % len(body))
        for start in range(0, len(body), 7_919):
            connection.sendall(body[start : start + 7_919])

    with slow_server(send) as url, PlainSession(NO_RETRIES) as client:
        assert client.get(url).content == body
