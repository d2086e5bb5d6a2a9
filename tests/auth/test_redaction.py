from __future__ import annotations

import logging
import re
import traceback
from pathlib import Path

import pytest
from scripted_server import Answer, Asked, ScriptedServer
from stored_files import KEY, links_to, store, use_password, write_granule

from catalog_builder import open_index
from catalog_builder.auth.redaction import hide, redact_logs
from catalog_builder.auth.s3_credentials import find_credentials
from catalog_builder.beams.storage.download import download
from catalog_builder.beams.storage.granule_file import open_hdf5
from catalog_builder.errors import (
    AccessError,
    CatalogError,
    CatalogNotFoundError,
    CredentialsExpiredError,
)
from earthdata_standin import EarthdataStandin

LIBRARIES = ("aiobotocore", "asyncio", "botocore", "fsspec", "requests", "s3fs", "urllib3")


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Everything that is logged, also by loggers that do not listen by themselves."""
    for name in ("", *LIBRARIES):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


def test_no_secret_is_logged(
    cloud: EarthdataStandin,
    log: pytest.LogCaptureFixture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store(cloud, {KEY: write_granule(tmp_path / "granule.h5", 100_000)})
    links = links_to(cloud)
    provider = find_credentials(cloud.credentials_endpoint)
    secrets = {cloud.token, cloud.password}
    for by_password in (False, True):
        if by_password:
            use_password(cloud, monkeypatch)
            provider.forget(provider()["access_key_id"])
        for access in ("s3", "https"):
            with open_hdf5(links, access) as (file, _):
                file["first"][:]
            download(links, tmp_path / f"{access}-{by_password}.h5", access)
        keys = provider()
        assert keys["token"]
        secrets |= {keys["secret_access_key"], keys["token"]}
    loggers = {record.name for record in log.records}
    assert {"botocore.auth", "botocore.endpoint", "urllib3.connectionpool"} <= loggers
    assert not [secret for secret in secrets if secret in log.text]
    # What signs a link is told as ***.
    assert "&Signature=***" in log.text
    assert not re.search(r"[?&](Signature|code)=[^*]", log.text)


def test_warnings_of_a_failing_link_are_without_its_signature(
    cloud: EarthdataStandin, log: pytest.LogCaptureFixture
) -> None:
    with ScriptedServer(lambda _: Answer()) as gone:
        target = f"{gone.url}/file?Signature=signed-secret"
    answer = Answer(status=302, headers={"Location": target})
    with ScriptedServer(lambda _: answer) as centre:
        links = links_to(cloud)
        with (
            pytest.raises(AccessError, match="gave no answer") as caught,
            open_hdf5(type(links)(https=f"{centre.url}/file"), "https"),
        ):
            pass
    assert "signed-secret" not in log.text + str(caught.value)
    assert caught.value.__context__ is None
    assert any(record.levelno == logging.WARNING for record in log.records)


def test_a_token_that_s3_quotes_is_not_logged(
    cloud: EarthdataStandin, log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(_: Asked) -> Answer:
        body = b"<Error><Code>ExpiredToken</Code><Token-0>quoted-secret</Token-0></Error>"
        return Answer(status=400, body=body)

    with ScriptedServer(script) as s3:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.url)
        with pytest.raises(CredentialsExpiredError), open_hdf5(links_to(cloud), "s3"):
            pass
    assert "quoted-secret" not in log.text


def test_options_of_a_catalog_in_s3_are_not_logged(
    cloud: EarthdataStandin, log: pytest.LogCaptureFixture
) -> None:
    options = {
        "key": "AKIA-of-the-user",
        "secret": "secret-of-the-user",
        "token": "token-of-the-user",
        "client_kwargs": {"endpoint_url": cloud.environment["AWS_ENDPOINT_URL_S3"]},
    }
    with pytest.raises(CatalogError) as caught:
        len(open_index("s3://lab/catalog", storage_options=options))
    told = log.text + "".join(traceback.format_exception(caught.value))
    assert any(record.name.startswith("botocore") for record in log.records)
    assert not [value for name, value in options.items() if "client" not in name and value in told]


def test_errors_that_are_logged_are_without_secrets(log: pytest.LogCaptureFixture) -> None:
    hide("key=a-key-of-the-user&v=1&only-a-name", {"headers": {"X": ["in-a-list"]}})
    redact_logs()
    logger = logging.getLogger("botocore.httpsession")
    try:
        raise OSError("GET /x?key=a-key-of-the-user&v=1 in-a-list only-a-name")
    except OSError:
        logger.debug("It failed", exc_info=True)
    for secret in ("a-key-of-the-user", "in-a-list", "only-a-name"):
        assert secret not in log.text
    assert "&v=1" in log.text


@pytest.mark.parametrize(
    "signed_by",
    [
        *("sig", "SIG", "token", "access_token", "X-Goog-Signature", "X-Amz-Credential"),
        *("with%20blank", "by+plus", "%73ig"),
    ],
)
def test_a_catalog_behind_a_signed_address_is_read_without_logging_it(
    log: pytest.LogCaptureFixture, signed_by: str
) -> None:
    with ScriptedServer(lambda _: Answer(status=404)) as host:
        address = f"{host.url}/cat?sv=1&{signed_by}=signed-secret"
        with pytest.raises(CatalogNotFoundError) as caught:
            len(open_index(address))
    assert any("signed-secret" in asked.path for asked in host.asked)
    assert "sv=1" in log.text
    assert "signed-secret" not in log.text + str(caught.value)
