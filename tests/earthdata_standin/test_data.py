"""Downloads over HTTPS: redirects, signed links, many readers."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
import requests

from earthdata_standin import EarthdataStandin
from tests.earthdata_standin.standin_clients import (
    BUCKET,
    CONTENT,
    KEY,
    bearer,
)


def test_a_download_leaves_the_login_behind(store: EarthdataStandin) -> None:
    url = f"{store.data_url}/{BUCKET}/{KEY}"
    first = requests.get(url, headers=bearer(store.token), allow_redirects=False, timeout=10)
    assert first.status_code == 303
    link = first.headers["Location"]
    assert link.startswith("http://localhost:")
    part = requests.get(link, headers={"Range": "bytes=-9"}, timeout=10)
    assert (part.status_code, part.content) == (206, CONTENT[-9:])
    leak = requests.get(link, headers=bearer(store.token), timeout=10)
    assert leak.status_code == 400
    assert store.requests[-1].authorization == "Bearer"
    forged = requests.get(link.replace("Signature=", "Signature=0"), timeout=10)
    assert forged.status_code == 403
    followed = requests.get(url, headers=bearer(store.token), timeout=10)
    assert followed.content == CONTENT
    assert followed.headers["ETag"] == part.headers["ETag"]
    assert store.requests[-1].authorization is None


@pytest.mark.parametrize("status", [302, 307])
def test_a_download_with_a_password(store: EarthdataStandin, status: Any) -> None:
    store.faults.redirect_status = status
    url = f"{store.data_url}/{BUCKET}/{KEY}"
    with requests.Session() as session:
        session.trust_env = False
        login = session.get(url, allow_redirects=False, timeout=10).headers["Location"]
        answer = session.get(login, auth=(store.username, store.password), timeout=10)
        assert answer.content == CONTENT
        assert session.get(url, timeout=10).content == CONTENT
    assert [r.service for r in store.requests] == [
        "data",
        "earthdata",
        "data",
        "data",
        "download",
        "data",
        "download",
    ]


def test_links_die(store: EarthdataStandin) -> None:
    store.faults.link_lifetime = 0.1
    url = f"{store.data_url}/{BUCKET}/{KEY}"
    link = requests.head(url, headers=bearer(store.token), timeout=10).headers["Location"]
    assert requests.head(link, timeout=10).headers["Content-Length"] == str(len(CONTENT))
    time.sleep(0.15)
    dead = requests.get(link, timeout=10)
    assert (dead.status_code, "Request has expired" in dead.text) == (403, True)


def test_downloads_that_are_refused(store: EarthdataStandin) -> None:
    url = f"{store.data_url}/{BUCKET}/{KEY}"
    assert requests.get(url, headers=bearer("wrong"), timeout=10).status_code == 401
    missing = requests.get(f"{url}.other", headers=bearer(store.token), timeout=10)
    assert missing.status_code == 404
    public = url.replace("-protected", "-public")
    assert requests.get(public, timeout=10).content == CONTENT
    store.faults.eula_pending = True
    assert requests.get(url, headers=bearer(store.token), timeout=10).status_code == 403


def test_many_readers_at_a_time(store: EarthdataStandin) -> None:
    import aiohttp

    async def read_all() -> list[bytes]:
        headers = bearer(store.token)

        async def read(session: aiohttp.ClientSession, number: int) -> bytes:
            part = {"Range": f"bytes={number * 1000}-{number * 1000 + 999}"}
            url = f"{store.data_url}/{BUCKET}/{KEY}"
            async with session.get(url, headers=headers, allow_redirects=False) as answer:
                link = answer.headers["Location"]
            async with session.get(link, headers=part) as answer:
                return await answer.read()

        async with aiohttp.ClientSession() as session:
            return list(await asyncio.gather(*(read(session, n) for n in range(100))))

    assert b"".join(asyncio.run(read_all())) == CONTENT[:100_000]
