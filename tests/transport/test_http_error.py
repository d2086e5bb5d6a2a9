"""Why there was no answer, in words of people, from real failures."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
import requests
from scripted_server import Answer, ScriptedServer

from catalog_builder.transport.http_error import reason


def failure(url: str, **options: float) -> requests.RequestException:
    with pytest.raises(requests.RequestException) as caught:
        requests.get(url, **options)
    return caught.value


@pytest.fixture
def silent() -> Iterator[str]:
    """A host that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_name_that_does_not_resolve() -> None:
    assert reason(failure("http://host.invalid", timeout=5)) == "its name cannot be resolved"


def test_a_port_where_nobody_listens() -> None:
    with ScriptedServer(lambda _: Answer()) as server:
        url = server.url
    assert reason(failure(url, timeout=5)) == "Connection refused"


def test_silence(silent: str) -> None:
    assert reason(failure(silent, timeout=0.1)) == "no answer in time"


def test_a_connection_that_is_closed_without_an_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            connection, _ = server.accept()
            connection.recv(65536)
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        text = reason(failure(f"http://127.0.0.1:{server.getsockname()[1]}", timeout=5))
        thread.join()
    assert text == "Remote end closed connection without response"


def test_tls_that_is_none() -> None:
    with ScriptedServer(lambda _: Answer()) as server:
        text = reason(failure(server.url.replace("http:", "https:"), timeout=5))
    assert "SSL" not in text
    assert "_ssl.c" not in text
    assert text


def test_an_error_without_words_is_named() -> None:
    assert reason(requests.exceptions.ReadTimeout()) == "ReadTimeout"
