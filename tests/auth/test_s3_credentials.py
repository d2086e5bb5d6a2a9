from __future__ import annotations

import asyncio
import copy
import pickle
import subprocess
import sys
import time
import traceback
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from scripted_server import UNTRUSTED_HOST, Answer, ScriptedServer
from stored_files import asked, use_password

from catalog_builder.auth.login import Login
from catalog_builder.auth.s3_credentials import CredentialProvider, find_credentials
from catalog_builder.errors import (
    CredentialsError,
    CredentialsExpiredError,
    EulaError,
    LoginMissingError,
    LoginRejectedError,
    UntrustedHostError,
)
from earthdata_standin import EarthdataStandin

if TYPE_CHECKING:
    from obstore.store import S3Credential

LOGIN = Login(source="a test", token="hunter2secret")


def keys_answer(end: object) -> Answer:
    return Answer(
        body=(
            '{"accessKeyId": "A", "secretAccessKey": "S", "sessionToken": "T", '
            f'"expiration": "{end}"}}'
        ).encode()
    )


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain loopback is trusted, as it is with the stand-in."""
    monkeypatch.setenv("CATALOG_BUILDER_TRUSTED_HOSTS", "127.0.0.1")


def test_a_token_gets_keys_once(cloud: EarthdataStandin) -> None:
    provider = find_credentials(cloud.credentials_endpoint)
    keys = provider()
    assert set(keys) == {"access_key_id", "secret_access_key", "token", "expires_at"}
    assert keys["expires_at"] is not None
    assert keys["expires_at"] - datetime.now(UTC) > timedelta(minutes=59)
    assert provider() == keys == find_credentials(cloud.credentials_endpoint)()
    assert [request.authorization for request in cloud.requests] == ["Bearer"]


def test_a_password_gets_keys_by_a_token(
    cloud: EarthdataStandin, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_password(cloud, monkeypatch)
    assert find_credentials(cloud.credentials_endpoint)()["access_key_id"]
    sent = [(one.service, one.path, one.authorization) for one in cloud.requests]
    assert sent == [
        ("earthdata", "/api/users/find_or_create_token", "Basic"),
        ("data", "/s3credentials", "Bearer"),
    ]


def test_threads_share_one_fetch(cloud: EarthdataStandin) -> None:
    cloud.faults.slow = 0.1

    def fetch(_: int) -> str:
        return find_credentials(cloud.credentials_endpoint)()["access_key_id"]

    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(fetch, range(64)))) == 1
    assert asked(cloud, "data") == 1


def test_keys_are_renewed_before_they_end(cloud: EarthdataStandin) -> None:
    cloud.faults.key_lifetime = 3
    provider = find_credentials(cloud.credentials_endpoint)
    seen = set()
    began = time.monotonic()
    while time.monotonic() - began < 4:
        keys = provider()
        assert keys["expires_at"] is not None
        assert keys["expires_at"] > datetime.now(UTC)
        seen.add(keys["access_key_id"])
        time.sleep(0.05)
    assert 2 <= len(seen) <= 5


def test_an_endpoint_that_fails_for_a_while_ends_nothing(trusting: None) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=2.0)
    answers = iter([keys_answer(soon), Answer(status=418)])
    later = keys_answer(soon + timedelta(hours=1))
    with ScriptedServer(lambda _: next(answers, later)) as server:
        provider = CredentialProvider(server.url, LOGIN)
        old = provider()
        while (new := provider()) == old:
            assert datetime.now(UTC) < soon
            time.sleep(0.02)
        assert len(server.asked) == 3
        assert new["expires_at"] == soon + timedelta(hours=1)


def test_once_the_keys_have_ended_the_failure_is_raised(trusting: None) -> None:
    end = datetime.now(UTC) + timedelta(seconds=0.3)
    answers = iter([keys_answer(end)])
    with ScriptedServer(lambda _: next(answers, Answer(status=418))) as server:
        provider = CredentialProvider(server.url, LOGIN)
        provider()
        time.sleep(0.4)
        with pytest.raises(CredentialsError, match="answered 418"):
            provider()


def test_keys_that_s3_refused_are_forgotten_unless_newer_ones_are_here(
    cloud: EarthdataStandin,
) -> None:
    provider = find_credentials(cloud.credentials_endpoint)
    old = provider()["access_key_id"]
    provider.forget(old)
    new = provider()["access_key_id"]
    assert new != old
    provider.forget(old)
    assert provider()["access_key_id"] == new


def test_nobody_gets_new_keys_before_the_client_of_the_old_ones_is_replaced(
    cloud: EarthdataStandin,
) -> None:
    provider = find_credentials(cloud.credentials_endpoint)
    old = provider()["access_key_id"]
    with ThreadPoolExecutor(1) as pool:
        others: list[Future[S3Credential]] = []

        def reconnect() -> None:
            others.append(pool.submit(provider))
            with pytest.raises(TimeoutError):
                others[0].result(0.3)

        provider.forget(old, reconnect)
        assert others[0].result()["access_key_id"] != old
    assert asked(cloud, "data") == 2


def test_an_agreement_to_accept_raises_with_its_url(cloud: EarthdataStandin) -> None:
    cloud.faults.eula_pending = True
    with pytest.raises(EulaError, match="EULA Acceptance Failure") as caught:
        find_credentials(cloud.credentials_endpoint)()
    assert caught.value.resolution_url == (
        f"{cloud.earthdata_url}/approve_app?client_id=standin-data"
    )
    assert caught.value.resolution_url in str(caught.value)


@pytest.mark.parametrize("by_password", [False, True])
def test_a_web_page_is_no_accepted_login(
    cloud: EarthdataStandin, monkeypatch: pytest.MonkeyPatch, by_password: bool
) -> None:
    if by_password:
        use_password(cloud, monkeypatch)
    cloud.faults.html_login = True
    with pytest.raises(LoginRejectedError):
        find_credentials(cloud.credentials_endpoint)()


@pytest.mark.parametrize("kind", ["token", "password"])
def test_a_bad_login_raises_and_is_not_shown(cloud: EarthdataStandin, kind: str) -> None:
    login = (
        LOGIN
        if kind == "token"
        else Login(source="a test", username=cloud.username, password="hunter2secret")
    )
    with pytest.raises(LoginRejectedError, match="login of a test") as caught:
        find_credentials(cloud.credentials_endpoint, login)()
    assert "hunter2secret" not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "answer",
    [
        Answer(body=b"{}"),
        Answer(body=b"[]"),
        Answer(body=b"[" * 100_000),
        Answer(body=b'{"accessKeyId": "A"'),
        Answer(body=b'{"accessKeyId": "A"', length=80),
        keys_answer("next week"),
        keys_answer(datetime(2021, 1, 27, tzinfo=UTC)),
        Answer(status=404, body=b"<html>"),
        Answer(status=404, body=b"\xff", headers={"Content-Type": "text/html; charset=idna"}),
    ],
)
def test_an_answer_without_good_keys_raises(trusting: None, answer: Answer) -> None:
    with (
        ScriptedServer(lambda _: answer) as server,
        pytest.raises(CredentialsError) as caught,
    ):
        CredentialProvider(server.url, LOGIN)()
    assert caught.value.__context__ is None


def test_keys_that_have_ended_already_point_to_the_clock(trusting: None) -> None:
    answer = keys_answer(datetime(2021, 1, 27))
    with (
        ScriptedServer(lambda _: answer) as server,
        pytest.raises(CredentialsExpiredError, match=r"2021-01-27 00:00:00 UTC.*clock"),
    ):
        CredentialProvider(server.url, LOGIN)()


def test_no_login_leaves_for_an_endpoint_that_is_not_trusted(cloud: EarthdataStandin) -> None:
    with ScriptedServer(lambda _: Answer(), UNTRUSTED_HOST) as thief:
        with pytest.raises(UntrustedHostError, match="CATALOG_BUILDER_TRUSTED_HOSTS"):
            find_credentials(f"{thief.url}/s3credentials")()
        assert not thief.asked
    assert not cloud.requests


@pytest.mark.parametrize("by_password", [False, True])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_login_follows_a_redirect_to_another_host(
    cloud: EarthdataStandin, monkeypatch: pytest.MonkeyPatch, status: int, by_password: bool
) -> None:
    if by_password:
        use_password(cloud, monkeypatch)
    with (
        ScriptedServer(lambda _: Answer(body=b"{}"), UNTRUSTED_HOST) as thief,
        ScriptedServer(
            lambda _: Answer(status=status, headers={"Location": f"{thief.url}/oauth/authorize"})
        ) as server,
    ):
        with pytest.raises(LoginRejectedError):
            find_credentials(server.url)()
        assert not thief.asked
        assert [one.headers["Authorization"] for one in server.asked] == [f"Bearer {cloud.token}"]


def test_no_login_at_all_raises(
    cloud: EarthdataStandin, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.delenv("EARTHDATA_TOKEN")
    monkeypatch.setenv("NETRC", f"{tmp_path}/none")
    with pytest.raises(LoginMissingError):
        find_credentials(cloud.credentials_endpoint)()
    assert not cloud.requests


def test_a_pickle_holds_the_endpoint_alone(cloud: EarthdataStandin) -> None:
    login = Login(source="a test", token=cloud.token)
    provider = find_credentials(cloud.credentials_endpoint, login)
    keys = provider()
    sent = pickle.dumps(provider)
    for secret in (cloud.token, keys["secret_access_key"], keys["access_key_id"], keys["token"]):
        assert secret
        assert secret.encode() not in sent
        assert secret not in repr(provider) + str(provider)
    assert cloud.credentials_endpoint in repr(provider)
    arrived = pickle.loads(sent)
    assert arrived is find_credentials(cloud.credentials_endpoint)
    assert copy.deepcopy(provider) is arrived


def test_another_process_logs_in_itself(cloud: EarthdataStandin) -> None:
    provider = find_credentials(cloud.credentials_endpoint)
    mine = provider()["access_key_id"]
    program = (
        "import pickle, sys\nprint(pickle.loads(sys.stdin.buffer.read())()['access_key_id'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=pickle.dumps(provider),
        capture_output=True,
        check=True,
    )
    theirs = done.stdout.decode().strip()
    assert theirs.startswith("ASIA")
    assert theirs != mine
    assert asked(cloud, "data") == 2


def test_botocore_asks_for_keys_at_each_request(cloud: EarthdataStandin) -> None:
    provider = find_credentials(cloud.credentials_endpoint)
    session = provider.botocore_session()

    async def frozen() -> str:
        credentials = await session.get_credentials()
        return str((await credentials.get_frozen_credentials()).access_key)

    assert asyncio.run(frozen()) == provider()["access_key_id"]
    provider.forget(provider()["access_key_id"])
    assert asyncio.run(frozen()) == provider()["access_key_id"]
    assert asked(cloud, "data") == 2

    async def at_the_end() -> str:
        await asyncio.get_running_loop().shutdown_default_executor()
        return await frozen()

    assert asyncio.run(at_the_end()) == provider()["access_key_id"]
