"""The session of every request: no login of its own, limits, threads and forked children."""

from __future__ import annotations

import base64
import gzip
import os
import threading
from pathlib import Path

import pytest
import requests
from scripted_server import Answer, Asked, ScriptedServer
from web_folder import serve_folder

from catalog_builder._version import __version__
from catalog_builder.transport.retries import NO_RETRIES
from catalog_builder.transport.session import AnswerTooLongError, PlainSession
from catalog_builder.transport.versioned_files import WebParts
from catalog_builder.transport.web_files import WebFiles, web_files
from tests.transport.kept_alive import KeptAlive

BODY = bytes(range(256)) * 40


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(BODY)
    return tmp_path


def test_an_answer_without_end_is_an_error() -> None:
    """Few bytes on the way that are many when inflated."""
    bomb = Answer(headers={"Content-Encoding": "gzip"}, body=gzip.compress(bytes(2**24)))
    files = WebFiles(PlainSession(most_bytes=2**20))
    with (
        ScriptedServer(lambda _: bomb) as server,
        pytest.raises(AnswerTooLongError, match="it has more than 1,048,576 bytes"),
    ):
        files.read(f"{server.url}/file")
    assert len(server.asked) == 1


def test_logins_in_urls_are_sent_in_utf_8(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the host's URL, and of a proxy's, also along redirects."""

    def reply(asked: Asked) -> Answer:
        return Answer(status=302, headers={"Location": "/b"}) if "/a" in asked.path else Answer()

    with ScriptedServer(reply) as server, PlainSession() as session:
        here = server.url.removeprefix("http://")
        assert session.get(f"http://m%C3%A9:%D1%8F@{here}/c").ok
        monkeypatch.setenv("HTTP_PROXY", f"http://m%C3%A9:%D1%8F@{here}")
        assert session.get("http://host.invalid/a").ok
    login = "Basic " + base64.b64encode("mé:я".encode()).decode()
    direct, *proxied = server.asked
    assert direct.headers["Authorization"] == login
    assert [one.headers.get("Proxy-Authorization") for one in proxied] == [login, login]
    assert not any("Authorization" in one.headers for one in proxied)


def test_a_forked_child_connects_anew(folder: Path) -> None:
    with KeptAlive(serve_folder(folder)) as server:
        url = f"{server.url}/file"
        files = web_files(server.url)
        files.read(url)
        child = os.fork()
        if child == 0:
            found = WebParts(files, url).read_spans([(0, 9), (9, 20)], None)
            os._exit(0 if found == [BODY[:9], BODY[9:20]] else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        before = len(server.ports)
        assert files.read(url) == BODY
        assert len(server.ports) == before > 1


def test_many_threads_read_at_once(folder: Path) -> None:
    found: list[bytes] = []
    with KeptAlive(serve_folder(folder)) as server:
        url = f"{server.url}/file"
        threads = [
            threading.Thread(target=lambda: found.append(web_files(url).read(url)))
            for _ in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [BODY] * 12


def test_netrc_and_cookies_of_others_stay_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with ScriptedServer(lambda _: Answer()) as server, PlainSession() as session:
        session.get(server.url, headers={"Authorization": "Bearer own"})
        session.get(server.url)
    first, second = server.asked
    assert first.headers["Authorization"] == "Bearer own"
    assert "Authorization" not in second.headers
    assert second.headers["User-Agent"] == f"catalog-builder/{__version__}"


@pytest.mark.parametrize("target", ["file:///etc/hosts", "ftp://host/x", "http://[broken"])
def test_a_redirect_to_no_web_address_is_the_answer(target: str) -> None:
    with (
        ScriptedServer(lambda _: Answer(status=302, headers={"Location": target})) as server,
        PlainSession() as session,
    ):
        assert session.get(server.url).status_code == 302
    assert len(server.asked) == 1


def test_a_busy_host_is_tried_again_unless_that_is_switched_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    statuses = [503, 429, 200]

    def busy(_: Asked) -> Answer:
        return Answer(status=statuses.pop(0))

    with ScriptedServer(busy) as server:
        with PlainSession() as session:
            assert session.get(server.url).status_code == 200
        statuses[:] = [503]
        with PlainSession(NO_RETRIES) as session:
            assert session.get(server.url).status_code == 503


def test_a_limit_counts_inflated_bytes_and_may_be_none() -> None:
    body = gzip.compress(bytes(5_000))
    answer = Answer(headers={"Content-Encoding": "gzip"}, body=body)
    with ScriptedServer(lambda _: answer) as server:
        for limit in (5_000, None):
            with PlainSession(most_bytes=limit) as session:
                assert session.get(server.url).content == bytes(5_000)
        with PlainSession(most_bytes=4_999) as session, pytest.raises(AnswerTooLongError):
            session.get(server.url)


def test_a_certificate_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    with PlainSession() as session, pytest.raises(requests.exceptions.SSLError, match="nowhere"):
        session.get("https://host.invalid")


@pytest.mark.parametrize("compressed", [False, True])
def test_a_body_comes_in_pieces_of_the_length_asked_for(compressed: bool) -> None:
    body = os.urandom(300_000) + bytes(700_000)
    headers = {"Content-Encoding": "gzip"} if compressed else {}
    whole = Answer(headers=headers, body=gzip.compress(body) if compressed else body)
    with ScriptedServer(lambda _: whole) as server, PlainSession() as client:
        pieces = list(client.get(server.url, stream=True).iter_content(65536))
        assert b"".join(pieces) == body
        assert {len(piece) for piece in pieces[:-1]} == {65536}
        short = Answer(body=body, length=len(body) + 5)
    with (
        ScriptedServer(lambda _: short) as server,
        PlainSession(NO_RETRIES) as client,
        pytest.raises(requests.RequestException),
    ):
        client.get(server.url, timeout=(1, 1))
