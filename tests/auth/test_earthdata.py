from __future__ import annotations

import base64
import traceback
from pathlib import Path

import pytest
import requests
from scripted_server import UNTRUSTED_HOST, Answer, ScriptedServer
from stored_files import asked, use_password

from catalog_builder.auth.earthdata import LoginSession, bearer_token
from catalog_builder.auth.login import Login
from catalog_builder.errors import (
    CredentialsError,
    LoginExpiredError,
    LoginMissingError,
    LoginRejectedError,
    UntrustedHostError,
)
from catalog_builder.transport.session import PlainSession
from earthdata_standin import EarthdataStandin


def redirect_to(url: str, status: int = 302) -> Answer:
    return Answer(status=status, headers={"Location": url})


def test_a_token_is_taken_as_it_is(cloud: EarthdataStandin) -> None:
    assert bearer_token() == cloud.token
    assert not cloud.requests


def test_a_password_makes_a_token_once(
    cloud: EarthdataStandin, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_password(cloud, monkeypatch)
    assert bearer_token() == bearer_token() == cloud.token
    assert asked(cloud, "earthdata") == 1
    # Another one is asked for in place of one that is refused, once: the same came back.
    for _ in range(3):
        assert bearer_token(instead_of=cloud.token) == cloud.token
    assert asked(cloud, "earthdata") == 2


def test_a_password_is_sent_in_utf_8(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 7617: requests alone sends Latin-1, and has no bytes for most characters."""
    made = Answer(body=b'{"access_token": "made"}')
    for password in ("café", "пароль"):
        with ScriptedServer(lambda _: made) as host:
            monkeypatch.setenv("EARTHDATA_HOST", host.url)
            monkeypatch.setenv("CATALOG_BUILDER_TRUSTED_HOSTS", "127.0.0.1")
            login = Login(source="a test", username="ünal", password=password)
            assert bearer_token(login) == "made"
        sent = host.asked[0].headers["Authorization"].removeprefix("Basic ")
        assert base64.b64decode(sent).decode() == f"ünal:{password}"


def test_netrc_makes_a_token(
    cloud: EarthdataStandin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("EARTHDATA_TOKEN")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    (tmp_path / "netrc").write_text(
        f"machine 127.0.0.1 login {cloud.username} password {cloud.password}"
    )
    assert bearer_token() == cloud.token


def test_a_wrong_password_raises(cloud: EarthdataStandin) -> None:
    login = Login(source="a test", username=cloud.username, password="wrong-secret")
    with pytest.raises(LoginRejectedError, match="refused the login of a test") as caught:
        bearer_token(login)
    assert "wrong-secret" not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(body=b"<!DOCTYPE html><title>Earthdata Login</title>"), LoginRejectedError),
        (Answer(body=b'{"access_token": ""}'), CredentialsError),
        (Answer(body=b'["access_token"]'), CredentialsError),
        (Answer(body=b'{"access_to', length=60), CredentialsError),
        (Answer(status=418), CredentialsError),
        (Answer(body=b"[" * 100_000), CredentialsError),
        (Answer(status=401, body=b"[" * 100_000), LoginRejectedError),
        (redirect_to("/elsewhere"), LoginRejectedError),
    ],
)
def test_an_unexpected_answer_raises(
    monkeypatch: pytest.MonkeyPatch, answer: Answer, error: type[Exception]
) -> None:
    monkeypatch.setenv("CATALOG_BUILDER_TRUSTED_HOSTS", "127.0.0.1")
    with ScriptedServer(lambda _: answer) as server:
        monkeypatch.setenv("EARTHDATA_HOST", server.url)
        with pytest.raises(error):
            bearer_token(Login(source="a test", username="me", password="secret"))


def test_a_server_that_quotes_the_login_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    body = b'{"error_description": "User me with hunter2secret is unknown"}'
    monkeypatch.setenv("CATALOG_BUILDER_TRUSTED_HOSTS", "127.0.0.1")
    with ScriptedServer(lambda _: Answer(status=401, body=body)) as server:
        monkeypatch.setenv("EARTHDATA_HOST", server.url)
        with pytest.raises(LoginRejectedError, match=r"User me with \*\*\* is unknown"):
            bearer_token(Login(source="a test", username="me", password="hunter2secret"))


def test_a_host_that_is_down_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(lambda _: Answer()) as server:
        gone = server.url
    monkeypatch.setenv("CATALOG_BUILDER_TRUSTED_HOSTS", "127.0.0.1")
    monkeypatch.setenv("EARTHDATA_HOST", gone)
    with pytest.raises(CredentialsError, match=f"{gone} gave no answer"):
        bearer_token(Login(source="a test", username="me", password="secret"))


def test_no_password_leaves_for_a_host_that_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CATALOG_BUILDER_TRUSTED_HOSTS", raising=False)
    with ScriptedServer(lambda _: Answer()) as server:
        monkeypatch.setenv("EARTHDATA_HOST", server.url)
        with pytest.raises(UntrustedHostError, match="nothing was sent"):
            bearer_token(Login(source="a test", username="me", password="secret"))
        assert not server.asked


def test_no_request_follows_a_redirect_to_a_host_that_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CATALOG_BUILDER_TRUSTED_HOSTS", "127.0.0.1")
    with (
        ScriptedServer(lambda _: Answer(), UNTRUSTED_HOST) as thief,
        ScriptedServer(lambda _: redirect_to(thief.url)) as server,
        LoginSession() as session,
    ):
        with pytest.raises(UntrustedHostError, match=UNTRUSTED_HOST):
            session.get(server.url, headers={"Authorization": "Bearer secret"})
        assert len(server.asked) == 1
        assert not thief.asked


def test_a_password_goes_to_earthdata_login_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATALOG_BUILDER_TRUSTED_HOSTS", "127.0.0.1")
    with (
        ScriptedServer(lambda _: Answer()) as other,
        LoginSession() as session,
    ):
        with pytest.raises(UntrustedHostError, match="password, which goes to"):
            session.get(other.url, auth=("me", "secret"))
        assert not other.asked


def test_netrc_does_not_overrule_a_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret")
    monkeypatch.setenv("NETRC", str(netrc))
    with ScriptedServer(lambda _: Answer()) as server, PlainSession() as session:
        session.get(server.url)
        session.get(server.url, headers={"Authorization": "Bearer mine"})
        assert [one.headers.get("Authorization") for one in server.asked] == [None, "Bearer mine"]


def test_what_stays_on_this_machine_goes_through_no_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with (
        ScriptedServer(lambda _: Answer(body=b"proxy")) as proxy,
        ScriptedServer(lambda _: Answer(body=b"direct")) as server,
        PlainSession() as session,
    ):
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        assert session.get(server.url).text == "direct"
        assert session.get("http://example.org/data").text == "proxy"


def test_a_busy_server_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([Answer(status=503), Answer(status=429, headers={"Retry-After": "0"})])
    with (
        ScriptedServer(lambda _: next(answers, Answer(body=b"at last"))) as server,
        PlainSession() as session,
    ):
        assert session.get(server.url).text == "at last"


def test_an_expired_token_raises_with_its_date(monkeypatch: pytest.MonkeyPatch) -> None:
    from catalog_builder.auth.earthdata import refusal

    answer = requests.Response()
    answer.status_code, answer.url, answer._content = 401, "https://urs.earthdata.nasa.gov", b""
    ended = "e30.eyJleHAiOiAxNTE0NzY0ODAwfQ.x"  # {"exp": 1514764800}
    problem = refusal(answer, Login(source="EARTHDATA_TOKEN", token=ended))
    assert isinstance(problem, LoginExpiredError)
    assert "ended on 2018-01-01" in str(problem)


def test_no_login_raises(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("EARTHDATA_TOKEN", "EARTHDATA_USERNAME", "EARTHDATA_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    with pytest.raises(LoginMissingError):
        bearer_token()
