from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
import traceback
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from scripted_server import (
    TRUSTED_HOST,
    UNTRUSTED_HOST,
    Answer,
    Asked,
    Script,
    ScriptedServer,
)
from stored_files import BUCKET, KEY, asked, links_to, store, use_password, write_granule

from catalog_builder.auth.s3_credentials import find_credentials
from catalog_builder.beams.storage.download import download
from catalog_builder.beams.storage.granule_file import (
    BLOCK_SIZE,
    Access,
    GranuleLinks,
    open_granule_file,
    open_hdf5,
)
from catalog_builder.errors import (
    AccessError,
    AccessWarning,
    CredentialsExpiredError,
    EulaError,
    GranuleNotFoundError,
    LoginMissingError,
    LoginRejectedError,
    NotATL03Error,
    OutOfRegionError,
    UntrustedHostError,
)
from earthdata_standin import EarthdataStandin

VALUES = 1_300_000

S3_ERROR = "<?xml version='1.0'?><Error><Code>%s</Code><Message>no</Message>%s</Error>"


@pytest.fixture(scope="module")
def granule(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_granule(tmp_path_factory.mktemp("granules") / "granule.h5", VALUES)


@pytest.fixture
def links(cloud: EarthdataStandin, granule: Path) -> GranuleLinks:
    store(cloud, {KEY: granule})
    return links_to(cloud)


def read_all(links: GranuleLinks, access: Access) -> str:
    """Read a granule to its end, hold it against what was written; the address it came from."""
    with open_hdf5(links, access) as (file, href):
        for name in ("second", "first"):
            np.testing.assert_array_equal(file[name][:], np.arange(VALUES))
        return href


# -- one way and another


@pytest.mark.parametrize("access", ["s3", "https", "auto"])
def test_values_are_those_of_the_file(links: GranuleLinks, access: Access) -> None:
    assert read_all(links, access) == (links.https if access == "https" else links.s3)


def test_a_local_file_is_read_as_it_is(
    granule: Path, links: GranuleLinks, cloud: EarthdataStandin
) -> None:
    here = replace(links, local=str(granule))
    assert read_all(here, "auto") == read_all(here, "local") == str(granule)
    assert not cloud.requests


def test_blocks_are_asked_for_once(
    links: GranuleLinks, cloud: EarthdataStandin, granule: Path
) -> None:
    read_all(links, "s3")
    read_all(links, "https")
    for service in ("s3", "download"):
        ranges = [one.range for one in cloud.requests if one.service == service and one.range]
        assert len(ranges) == len(set(ranges))
        assert len(ranges) <= -(-granule.stat().st_size // BLOCK_SIZE) + 1


def test_a_file_reads_like_any_other(links: GranuleLinks, granule: Path) -> None:
    whole = granule.read_bytes()
    with open_granule_file(links, "s3") as file:
        assert not isinstance(file.source, str)
        assert file.source.seek(-5, os.SEEK_END) == len(whole) - 5
        assert file.source.read(10) == whole[-5:]
        assert file.source.read(10) == b""
        edge = BLOCK_SIZE
        assert file.source.seek(edge - 3) == file.source.tell()
        assert file.source.read(6) == whole[edge - 3 : edge + 3]
        assert file.source.seek(len(whole) + 7) == len(whole) + 7
        assert file.source.read() == b""
        file.source.seek(0)
        assert file.source.read() == whole
    assert file.source.closed
    file.close()


def test_a_way_that_the_granule_lacks(links: GranuleLinks) -> None:
    with pytest.raises(AccessError, match=r"access='local' needs a link.*it has s3, https"):
        open_granule_file(links, "local")
    with pytest.raises(AccessError, match="it has none at all"):
        open_granule_file(GranuleLinks())
    with pytest.raises(ValueError, match="access='ftp'"):
        open_granule_file(links, "ftp")
    with pytest.raises(GranuleNotFoundError, match="There is no file"):
        open_granule_file(GranuleLinks(local="/nowhere/granule.h5"))


@pytest.mark.parametrize(
    ("address", "region"),
    [
        ("s3://bucket", "us-west-2"),
        ("https://bucket/key", "us-west-2"),
        ("s3://evil.com?/key", "us-west-2"),
        ("s3://evil.com#/key", "us-west-2"),
        ("s3://me@evil.com/key", "us-west-2"),
        ("s3://bucket/key", "evil.com/?us-west-2"),
        ("s3://bucket/key", "us-west-2.evil.com"),
        ("s3://bucket/key", ""),
    ],
)
def test_no_catalog_leads_keys_to_another_host(
    cloud: EarthdataStandin, tmp_path: Path, address: str, region: str
) -> None:
    links = GranuleLinks(
        s3=address, region=region, credentials_endpoint=cloud.credentials_endpoint
    )
    with pytest.raises(AccessError, match="is no S3 address"):
        open_granule_file(links)
    with pytest.raises(AccessError, match="is no S3 address"):
        download(links, tmp_path / "granule.h5")
    assert not cloud.requests


# -- out of region


def test_auto_goes_over_https_where_s3_refuses_and_says_so_once(
    links: GranuleLinks, cloud: EarthdataStandin
) -> None:
    cloud.faults.in_region = False
    with pytest.warns(AccessWarning, match=f"s3://{BUCKET} answers only inside us-west-2") as told:
        assert read_all(links, "auto") == links.https
    assert len(told) == 1
    before = asked(cloud, "s3")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_all(links, "auto") == links.https
    assert asked(cloud, "s3") == before


def test_s3_alone_out_of_region_names_region_and_way_out(
    links: GranuleLinks, cloud: EarthdataStandin
) -> None:
    cloud.faults.in_region = False
    with pytest.raises(OutOfRegionError, match=r'us-west-2.*use access="https"'):
        open_granule_file(links, "s3")
    with pytest.raises(OutOfRegionError):
        open_granule_file(replace(links, https=None))


# -- keys and links that end


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """So small a cache that nearly every read goes out."""
    monkeypatch.setattr("catalog_builder.beams.storage.granule_file.BLOCK_SIZE", 2**16)
    monkeypatch.setattr("catalog_builder.beams.storage.granule_file.BLOCKS", 1)


def read_slowly(links: GranuleLinks, access: Access, seconds: float) -> int:
    """Read here and there in one open file for some seconds; how many times that was."""
    rounds = 0
    with open_hdf5(links, access) as (file, _):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            start = (rounds * 100_003) % (VALUES - 1000)
            np.testing.assert_array_equal(
                file["first"][start : start + 1000], np.arange(start, start + 1000)
            )
            rounds += 1
            time.sleep(0.05)
    return rounds


def keys_fetched(cloud: EarthdataStandin) -> int:
    return sum(one.path == "/s3credentials" for one in cloud.requests)


@pytest.mark.usefixtures("little_memory")
def test_an_open_file_outlives_its_keys(links: GranuleLinks, cloud: EarthdataStandin) -> None:
    cloud.faults.key_lifetime = 2
    assert read_slowly(links, "s3", 6) > 20
    assert keys_fetched(cloud) >= 3


@pytest.mark.heavy
@pytest.mark.usefixtures("little_memory")
def test_a_read_of_30_seconds_outlives_keys_of_5(
    links: GranuleLinks, cloud: EarthdataStandin
) -> None:
    cloud.faults.key_lifetime = 5
    assert read_slowly(links, "s3", 30) > 100
    assert keys_fetched(cloud) >= 6


@pytest.mark.usefixtures("little_memory")
def test_keys_that_s3_refuses_are_renewed_at_once(
    links: GranuleLinks, cloud: EarthdataStandin
) -> None:
    provider = find_credentials(cloud.credentials_endpoint)
    with open_hdf5(links, "s3") as (file, _):
        provider._keys = provider() | {"access_key_id": "ASIAREVOKED"}
        np.testing.assert_array_equal(file["second"][-1000:], np.arange(VALUES)[-1000:])
    assert keys_fetched(cloud) == 2


def test_keys_that_are_refused_again_and_again_are_told(
    cloud: EarthdataStandin, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = S3_ERROR % ("ExpiredToken", "<Token-0>the-session-token</Token-0>")
    with ScriptedServer(lambda _: Answer(status=400, body=ended.encode())) as s3:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.url)
        with pytest.raises(CredentialsExpiredError, match="ExpiredToken") as caught:
            open_granule_file(links_to(cloud), "s3")
    assert keys_fetched(cloud) == 2
    assert "the-session-token" not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


@pytest.mark.usefixtures("little_memory")
def test_a_signed_link_is_used_until_it_ends(links: GranuleLinks, cloud: EarthdataStandin) -> None:
    cloud.faults.link_lifetime = 1.5
    assert read_slowly(links, "https", 4) > 20
    assert 3 <= asked(cloud, "data") <= 6
    assert asked(cloud, "download") > 20


# -- what goes wrong


@pytest.mark.parametrize("access", ["s3", "https"])
def test_bodies_that_break_off_are_asked_for_again(
    links: GranuleLinks, cloud: EarthdataStandin, access: Access
) -> None:
    with open_hdf5(links, access) as (file, _):
        cloud.faults.object_truncate = 2
        np.testing.assert_array_equal(file["second"][:], np.arange(VALUES))
    assert cloud.faults.object_truncate == 0


@pytest.mark.parametrize("access", ["s3", "https"])
def test_a_busy_store_is_asked_again(
    links: GranuleLinks, cloud: EarthdataStandin, access: Access
) -> None:
    cloud.faults.object_unavailable = 2
    read_all(links, access)


@pytest.mark.parametrize("access", ["s3", "https"])
def test_nothing_there(cloud: EarthdataStandin, granule: Path, access: Access) -> None:
    store(cloud, {KEY: granule})
    missing = links_to(cloud, "ATLAS/other.h5")
    with pytest.raises(GranuleNotFoundError, match=r"nothing at .*ATLAS/other\.h5"):
        open_granule_file(missing, access)


@pytest.mark.parametrize("access", ["s3", "https", "local"])
def test_no_hdf5_file(cloud: EarthdataStandin, tmp_path: Path, access: Access) -> None:
    (tmp_path / "page.h5").write_text("<html>Sorry</html>")
    store(cloud, {KEY: tmp_path / "page.h5"})
    links = replace(links_to(cloud), local=str(tmp_path / "page.h5"))
    with pytest.raises(NotATL03Error, match="is not an HDF5 file"), open_hdf5(links, access):
        pass


@pytest.mark.parametrize("access", ["s3", "https"])
@pytest.mark.usefixtures("little_memory")
def test_a_granule_replaced_while_it_is_read(
    cloud: EarthdataStandin, tmp_path: Path, access: Access
) -> None:
    store(cloud, {KEY: write_granule(tmp_path / "granule.h5", VALUES)})
    with open_hdf5(links_to(cloud), access) as (file, _):
        write_granule(tmp_path / "new.h5", VALUES + 1)
        (tmp_path / "new.h5").replace(tmp_path / "granule.h5")
        with pytest.raises(AccessError, match="was replaced while it was read"):
            file["second"][:]


def test_login_troubles_over_https(
    links: GranuleLinks, cloud: EarthdataStandin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cloud.faults.eula_pending = True
    with pytest.raises(EulaError, match="approve_app"):
        open_granule_file(links, "https")
    cloud.faults.eula_pending = False
    cloud.faults.html_login = True
    with pytest.raises(LoginRejectedError):
        open_granule_file(links, "https")
    cloud.faults.html_login = False
    monkeypatch.setenv("EARTHDATA_TOKEN", "wrong-secret")
    with pytest.raises(LoginRejectedError, match="refused the login of EARTHDATA_TOKEN") as caught:
        open_granule_file(links, "https")
    assert "wrong-secret" not in "".join(traceback.format_exception(caught.value))
    monkeypatch.delenv("EARTHDATA_TOKEN")
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    with pytest.raises(LoginMissingError):
        open_granule_file(links, "https")


def test_a_password_reads_over_https(
    links: GranuleLinks, cloud: EarthdataStandin, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_password(cloud, monkeypatch)
    assert read_all(links, "https") == links.https


# -- where a login goes over HTTPS


def serve_ranges(body: bytes) -> Script:
    """A script of a server that needs no login."""

    def script(asked: Asked) -> Answer:
        first, last = asked.headers["Range"].removeprefix("bytes=").split("-")
        part = body[int(first) : int(last) + 1]
        where = f"bytes {first}-{int(first) + len(part) - 1}/{len(body)}"
        return Answer(status=206, headers={"Content-Range": where}, body=part)

    return script


def test_the_login_goes_to_the_data_centre_alone(
    links: GranuleLinks, cloud: EarthdataStandin
) -> None:
    read_all(links, "https")
    for request in cloud.requests:
        assert request.authorization == ("Bearer" if request.service == "data" else None)


def test_a_public_server_is_read_without_a_login(cloud: EarthdataStandin, granule: Path) -> None:
    with ScriptedServer(serve_ranges(granule.read_bytes()), UNTRUSTED_HOST) as public:
        read_all(GranuleLinks(https=f"{public.url}/granule.h5"), "https")
        assert not any("Authorization" in one.headers for one in public.asked)


@pytest.mark.parametrize("answer", [Answer(status=401), Answer(status=403), Answer(status=302)])
def test_a_host_that_is_not_trusted_gets_no_login(cloud: EarthdataStandin, answer: Answer) -> None:
    if answer.status == 302:
        answer = replace(answer, headers={"Location": f"{cloud.earthdata_url}/oauth/authorize"})
    with ScriptedServer(lambda _: answer, UNTRUSTED_HOST) as thief:
        with pytest.raises(UntrustedHostError, match=UNTRUSTED_HOST):
            open_granule_file(GranuleLinks(https=f"{thief.url}/granule.h5"), "https")
        assert not any("Authorization" in one.headers for one in thief.asked)
    assert not cloud.requests


@pytest.mark.parametrize("host", [UNTRUSTED_HOST, TRUSTED_HOST])
def test_the_login_follows_no_redirect_to_another_host(
    cloud: EarthdataStandin, granule: Path, host: str
) -> None:
    with (
        ScriptedServer(serve_ranges(granule.read_bytes()), host) as elsewhere,
        ScriptedServer(
            lambda _: Answer(status=307, headers={"Location": f"{elsewhere.url}/signed?x=y"})
        ) as centre,
    ):
        read_all(GranuleLinks(https=f"{centre.url}/granule.h5"), "https")
        assert [one.headers["Authorization"] for one in centre.asked] == [f"Bearer {cloud.token}"]
        assert elsewhere.asked
        assert not any("Authorization" in one.headers for one in elsewhere.asked)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (lambda asked: Answer(body=b"all of it"), "cannot be read in parts"),
        (lambda asked: Answer(status=416), "answered HTTP 416"),
        (lambda asked: Answer(status=206, body=b"x"), "got others"),
        (
            lambda asked: Answer(status=206, headers={"Content-Range": "bytes 7-7/9"}, body=b"x"),
            "got others",
        ),
        (
            lambda asked: Answer(status=206, headers={"Content-Range": "bytes 0-0/9"}, body=b""),
            "got 0 of 1",
        ),
        (lambda asked: Answer(status=302, headers={"Location": asked.path}), "one redirect to"),
        (
            lambda asked: Answer(status=302, headers={"Location": "file:///etc/hosts"}),
            "no web address",
        ),
    ],
)
@pytest.mark.usefixtures("cloud")
def test_odd_servers_are_told(script: Script, message: str) -> None:
    with (
        ScriptedServer(script, UNTRUSTED_HOST) as server,
        pytest.raises(AccessError, match=message),
    ):
        open_granule_file(GranuleLinks(https=f"{server.url}/granule.h5"))


@pytest.fixture
def gone() -> str:
    """A URL where nobody answers."""
    with ScriptedServer(lambda _: Answer()) as server:
        return server.url


def test_a_web_server_that_is_down_is_told(gone: str) -> None:
    signed = GranuleLinks(https=f"{gone}/granule.h5?Signature=my-secret")
    with pytest.raises(AccessError, match="no answer") as caught:
        open_granule_file(signed)
    assert "my-secret" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.heavy
def test_an_s3_that_is_down_is_told(
    cloud: EarthdataStandin, gone: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", gone)
    with pytest.raises(AccessError, match="could not be read: Could not connect"):
        open_granule_file(links_to(cloud), "s3")
    with pytest.raises(AccessError, match=r"could not be read: .*error sending request$"):
        download(links_to(cloud), tmp_path / "granule.h5", "s3")


# -- other processes


def _read_there(links: GranuleLinks) -> tuple[int, str]:
    with open_hdf5(links, "s3") as (file, _):
        return int(file["first"][-1]), str(os.getpid())


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_workers_fetch_their_own_keys(
    links: GranuleLinks, cloud: EarthdataStandin, method: str
) -> None:
    _read_there(links)  # so that there is something here to inherit
    sent = pickle.dumps(links)
    assert cloud.token.encode() not in sent
    with (
        warnings.catch_warnings(),
        ProcessPoolExecutor(2, mp_context=get_context(method)) as pool,
    ):
        warnings.simplefilter("ignore", DeprecationWarning)  # fork beside threads
        answers = list(pool.map(_read_there, [links] * 4))
    assert {value for value, _ in answers} == {VALUES - 1}
    assert keys_fetched(cloud) == 1 + len({process for _, process in answers})


@pytest.mark.parametrize("access", ["s3", "https"])
def test_a_file_left_open_does_not_crash_the_interpreter(
    links: GranuleLinks, access: Access
) -> None:
    program = (
        "import pickle, sys\n"
        "from catalog_builder.beams.storage.granule_file import open_hdf5\n"
        "opened = open_hdf5(pickle.loads(sys.stdin.buffer.read()), sys.argv[1])\n"
        "file, href = opened.__enter__()\n"
        "data = file['first']\n"
        "print(data[1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, access],
        input=pickle.dumps(links),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"1\n", b"")
