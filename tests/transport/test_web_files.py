"""Files behind http(s): ranges, a user's headers, answers that are odd."""

from __future__ import annotations

import gzip
import os
import threading
from pathlib import Path

import pytest
import requests
from scripted_server import UNTRUSTED_HOST, Answer, Asked, ScriptedServer
from web_folder import serve_folder

from catalog_builder.errors import AddressError
from catalog_builder.transport.session import AnswerTooLongError, PlainSession
from catalog_builder.transport.versioned_files import WebParts
from catalog_builder.transport.web_files import WebFiles, web_files

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


def test_connections_are_kept(folder: Path) -> None:
    ports = set()
    script = serve_folder(folder)
    with KeptAlive(script) as server:
        for _ in range(5):
            assert web_files(f"{server.url}/x").read(f"{server.url}/file") == BODY
        ports = server.ports
    assert len(ports) == 1


class KeptAlive(ScriptedServer):
    """One that keeps connections, and counts them."""

    def __init__(self, script) -> None:
        super().__init__(script)
        self.ports: set[int] = set()
        handler, ports = self._server.RequestHandlerClass, self.ports

        class Counting(handler):
            protocol_version = "HTTP/1.1"

            def parse_request(self) -> bool:
                ports.add(self.client_address[1])
                return super().parse_request()

        self._server.RequestHandlerClass = Counting


OPTIONS = [
    {"headers": {"X-Key": "secret"}, "auth": ("me", "secret"), "cookies": {"id": "secret"}},
    {
        "client_kwargs": {
            "headers": {"X-Key": "secret"},
            "auth": ("me", "secret", "latin1"),  # as aiohttp's BasicAuth
            "cookies": {"id": "secret"},
            "trust_env": True,
        }
    },
]


@pytest.mark.parametrize("options", OPTIONS, ids=["plain", "client_kwargs"])
def test_what_a_user_gives_goes_to_his_host_alone(folder: Path, options) -> None:
    with ScriptedServer(serve_folder(folder), UNTRUSTED_HOST) as other:

        def script(asked: Asked) -> Answer:
            target = "/back" if asked.path == "/same" else f"{other.url}/file"
            return Answer(status=302, headers={"Location": target})

        with ScriptedServer(script) as own:
            files = web_files(own.url, options)
            assert files.read(f"{own.url}/same") == BODY
            assert WebParts(files, f"{own.url}/x").read_end(5)[0] == BODY[-5:]
            assert files.size(f"{own.url}/x") == len(BODY)
        assert [asked.path for asked in own.asked] == ["/same", "/back", "/x", "/x"]
        for asked in own.asked:
            assert asked.headers["X-Key"] == "secret"
            assert asked.headers["Authorization"].startswith("Basic ")
            assert asked.headers["Cookie"] == "id=secret"
        assert len(other.asked) == 3
        for asked in other.asked:
            assert not {"X-Key", "Authorization", "Cookie"} & asked.headers.keys()


def test_netrc_is_not_read(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with ScriptedServer(serve_folder(folder)) as server:
        web_files(server.url).read(f"{server.url}/file")
    assert "Authorization" not in server.asked[0].headers


def test_options_that_are_not_understood() -> None:
    with pytest.raises(AddressError, match=r"not connector, ssl\. Proxies and certificates"):
        web_files("http://host.invalid", {"ssl": False, "client_kwargs": {"connector": 1}})
    web_files("http://host.invalid", {"block_size": 1, "client_kwargs": {"timeout": 1}})


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
def test_a_range_that_is_not_what_was_asked_for(answer: Answer, says: str) -> None:
    with ScriptedServer(lambda _: answer) as server, pytest.raises(OSError, match=says):
        WebParts(web_files(server.url), f"{server.url}/file").read_spans([(20, 30)], None)


def test_a_body_that_breaks_off_is_asked_for_again() -> None:
    answers = [Answer(body=BODY[:100], length=len(BODY))] * 2 + [Answer(body=BODY)]
    with ScriptedServer(lambda _: answers.pop(0)) as server:
        assert web_files(server.url).read(f"{server.url}/file") == BODY
    broken = Answer(body=BODY[:100], length=len(BODY))
    with (
        ScriptedServer(lambda _: broken) as server,
        pytest.raises(requests.RequestException),
    ):
        web_files(server.url).read(f"{server.url}/file")
    assert len(server.asked) == 3


def test_a_busy_host_is_asked_again(folder: Path) -> None:
    serve, answers = serve_folder(folder), [503, 429]
    with ScriptedServer(
        lambda asked: Answer(status=answers.pop()) if answers else serve(asked)
    ) as server:
        assert web_files(server.url).read(f"{server.url}/file") == BODY


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
