from __future__ import annotations

import hashlib
import traceback
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest
from scripted_server import UNTRUSTED_HOST, Answer, Asked, ScriptedServer
from stored_files import KEY, asked, links_to, store

from catalog_builder.auth.s3_credentials import find_credentials
from catalog_builder.beams.storage import download as module
from catalog_builder.beams.storage.download import download
from catalog_builder.beams.storage.links import Access, GranuleLinks
from catalog_builder.errors import (
    AccessError,
    AccessWarning,
    GranuleNotFoundError,
    LoginRejectedError,
    OutOfRegionError,
)
from catalog_builder.progress import Progress
from earthdata_standin import EarthdataStandin

PART = 2**16


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PART_SIZE", PART)
    monkeypatch.setattr(module, "CONNECTIONS", 2)


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A file of ten parts and a bit."""
    path = tmp_path / "stored.bin"
    path.write_bytes(b"".join(hashlib.sha256(bytes([n % 251])).digest() for n in range(20500)))
    return path


@pytest.fixture
def links(cloud: EarthdataStandin, stored: Path) -> GranuleLinks:
    store(cloud, {KEY: stored})
    return links_to(cloud)


@pytest.fixture
def to(tmp_path: Path) -> Path:
    return tmp_path / "there" / "granule.h5"


def parts(to: Path) -> list[Path]:
    return list(to.parent.glob("*.part"))


@pytest.mark.parametrize("access", ["auto", "s3", "https"])
def test_the_file_comes_whole(links: GranuleLinks, stored: Path, to: Path, access: Access) -> None:
    told: list[Progress] = []
    assert download(links, to, access, told.append) == to
    assert to.read_bytes() == stored.read_bytes()
    assert list(to.parent.iterdir()) == [to]
    size = stored.stat().st_size
    assert [one.done for one in told] == [*range(PART, size, PART), size]
    assert {one.total for one in told} == {size}


def test_what_is_there_is_not_fetched_again(
    links: GranuleLinks, to: Path, stored: Path, cloud: EarthdataStandin
) -> None:
    checked = replace(links, checksum="1220" + hashlib.sha256(stored.read_bytes()).hexdigest())
    download(checked, to)
    before = asked(cloud, "s3")
    download(checked, to)
    assert asked(cloud, "s3") == before + 1
    to.write_bytes(b"\0" * stored.stat().st_size)
    download(checked, to)
    assert to.read_bytes() == stored.read_bytes()


@pytest.mark.parametrize("access", ["s3", "https"])
def test_an_interrupted_download_is_resumed(
    links: GranuleLinks, stored: Path, to: Path, cloud: EarthdataStandin, access: Access
) -> None:
    class EnoughError(Exception):
        pass

    def stop(progress: Progress) -> None:
        if progress.done > 3 * PART:
            raise EnoughError

    with pytest.raises(EnoughError):
        download(links, to, access, stop)
    (part,) = parts(to)
    assert part.read_bytes() == stored.read_bytes()[: 4 * PART]
    assert not to.exists()
    cloud.requests.clear()
    first: list[Progress] = []
    download(links, to, access, first.append)
    assert first[0].done == 5 * PART
    assert to.read_bytes() == stored.read_bytes()
    assert not parts(to)


def test_a_part_of_another_version_is_not_resumed(
    links: GranuleLinks, stored: Path, to: Path
) -> None:
    def stop(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(links, to, "s3", stop)
    stored.write_bytes(stored.read_bytes()[::-1])
    download(links, to, "s3")
    assert to.read_bytes() == stored.read_bytes()
    assert list(to.parent.iterdir()) == [to]


@pytest.mark.parametrize("access", ["s3", "https"])
def test_a_granule_replaced_during_its_download_raises(
    links: GranuleLinks, stored: Path, to: Path, access: Access
) -> None:
    def change(_: Progress) -> None:
        new = stored.with_name("new")
        new.write_bytes(stored.read_bytes()[::-1])
        new.replace(stored)

    with pytest.raises(AccessError, match="was replaced while it was read"):
        download(links, to, access, change)
    assert not to.exists()


@pytest.mark.parametrize("kind", ["md5", "sha1", "sha256", "sha512"])
def test_a_checksum_is_checked(links: GranuleLinks, stored: Path, to: Path, kind: str) -> None:
    prefix = {"md5": "d50110", "sha1": "1114", "sha256": "1220", "sha512": "1340"}[kind]
    right = prefix + hashlib.new(kind, stored.read_bytes()).hexdigest()
    wrong = right[:-1] + ("0" if right[-1] != "0" else "1")
    with pytest.raises(AccessError, match=f"checksum is not {wrong}"):
        download(replace(links, checksum=wrong), to)
    assert list(to.parent.iterdir()) == []
    download(replace(links, checksum=right.upper()), to)


def test_a_checksum_of_an_unknown_kind_warns(links: GranuleLinks, to: Path) -> None:
    with pytest.warns(AccessWarning, match="was not checked"):
        download(replace(links, checksum="1e20" + "0" * 64), to)


@pytest.mark.parametrize("access", ["s3", "https"])
def test_parts_that_end_early_or_are_refused_are_fetched_again(
    links: GranuleLinks, stored: Path, to: Path, cloud: EarthdataStandin, access: Access
) -> None:
    def disturb(progress: Progress) -> None:
        if progress.done == PART:
            cloud.faults.object_truncate = 2
        if progress.done == 4 * PART:
            cloud.faults.object_unavailable = 2

    download(links, to, access, disturb)
    assert to.read_bytes() == stored.read_bytes()
    assert cloud.faults.object_truncate == cloud.faults.object_unavailable == 0


def test_parts_that_stay_short_raise(cloud: EarthdataStandin, to: Path) -> None:
    def script(asked: Asked) -> Answer:
        first = asked.headers["Range"].removeprefix("bytes=").split("-")[0]
        where = f"bytes {first}-{first}/1000"
        return Answer(status=206, headers={"Content-Range": where}, body=b"x")

    with (
        ScriptedServer(script, UNTRUSTED_HOST) as server,
        pytest.raises(AccessError, match="got 1 of 1000, 4 times"),
    ):
        download(GranuleLinks(https=f"{server.url}/granule.h5"), to)


def test_keys_expire_during_a_download(
    links: GranuleLinks, stored: Path, to: Path, cloud: EarthdataStandin
) -> None:
    cloud.faults.key_lifetime = 2
    cloud.faults.bandwidth = 100_000
    download(links, to, "s3")
    assert to.read_bytes() == stored.read_bytes()
    assert sum(one.path == "/s3credentials" for one in cloud.requests) >= 2


def test_keys_that_s3_refuses_are_renewed_at_once(
    links: GranuleLinks, stored: Path, to: Path, cloud: EarthdataStandin
) -> None:
    provider = find_credentials(cloud.credentials_endpoint)
    provider._keys = provider() | {"access_key_id": "ASIAREVOKED"}
    download(links, to, "s3")
    assert to.read_bytes() == stored.read_bytes()


def test_without_an_etag_nothing_is_resumed(stored: Path, to: Path) -> None:
    class EnoughError(Exception):
        pass

    def stop(_: Progress) -> None:
        raise EnoughError

    body = bytearray(stored.read_bytes())

    def script(asked: Asked) -> Answer:
        first, last = map(int, asked.headers["Range"].removeprefix("bytes=").split("-"))
        where = f"bytes {first}-{min(last, len(body) - 1)}/{len(body)}"
        part = bytes(body[first : last + 1])
        return Answer(status=206, headers={"Content-Range": where}, body=part)

    with ScriptedServer(script, UNTRUSTED_HOST) as server:
        links = GranuleLinks(https=f"{server.url}/granule.h5")
        with pytest.raises(EnoughError):
            download(links, to, progress=stop)
        body[:] = body[::-1]
        download(links, to)
    assert to.read_bytes() == body
    assert list(to.parent.iterdir()) == [to]


def test_out_of_region(
    links: GranuleLinks, stored: Path, to: Path, cloud: EarthdataStandin
) -> None:
    cloud.faults.in_region = False
    with pytest.raises(OutOfRegionError, match="us-west-2"):
        download(links, to, "s3")
    with pytest.warns(AccessWarning, match="answers only inside"):
        download(links, to)
    assert to.read_bytes() == stored.read_bytes()


@pytest.mark.parametrize("access", ["s3", "https"])
def test_what_cannot_be_had(cloud: EarthdataStandin, to: Path, access: Access) -> None:
    store(cloud, {})
    with pytest.raises(GranuleNotFoundError):
        download(links_to(cloud), to, access)
    with pytest.raises(AccessError, match="needs a link"):
        download(GranuleLinks(local="/here.h5"), to)


@pytest.mark.parametrize("access", ["s3", "https"])
def test_a_bad_login_raises_and_is_not_shown(
    links: GranuleLinks, to: Path, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EARTHDATA_TOKEN", "wrong-secret")
    with pytest.raises(LoginRejectedError) as caught:
        download(links, to, access)
    assert "wrong-secret" not in "".join(traceback.format_exception(caught.value))


def test_two_at_once_end_with_one_right_file(
    links: GranuleLinks, stored: Path, to: Path, cloud: EarthdataStandin
) -> None:
    cloud.faults.bandwidth = 200_000
    context = get_context("spawn")
    both = [context.Process(target=download, args=(links, to)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert to.read_bytes() == stored.read_bytes()
    assert [one.exitcode for one in both] == [0, 0]
