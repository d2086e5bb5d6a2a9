"""Files behind http(s): ranges, a user's headers, answers that are odd."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
from scripted_server import UNTRUSTED_HOST, Answer, Asked, ScriptedServer
from web_folder import serve_folder

from catalog_builder.errors import AddressError
from catalog_builder.transport.versioned_files import WebParts
from catalog_builder.transport.web_files import web_files
from tests.transport.kept_alive import KeptAlive

BODY = bytes(range(256)) * 40


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(BODY)
    return tmp_path


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)


def test_connections_are_kept(folder: Path) -> None:
    ports = set()
    script = serve_folder(folder)
    with KeptAlive(script) as server:
        for _ in range(5):
            assert web_files(f"{server.url}/x").read(f"{server.url}/file") == BODY
        ports = server.ports
    assert len(ports) == 1


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


def test_a_body_that_ends_early_is_fetched_again() -> None:
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


def test_a_busy_host_is_tried_again(folder: Path) -> None:
    serve, answers = serve_folder(folder), [503, 429]
    with ScriptedServer(
        lambda asked: Answer(status=answers.pop()) if answers else serve(asked)
    ) as server:
        assert web_files(server.url).read(f"{server.url}/file") == BODY
