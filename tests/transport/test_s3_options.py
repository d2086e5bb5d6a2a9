"""What the S3 libraries are told of the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog_builder.transport.answer_limits import TIMEOUT_VARIABLE
from catalog_builder.transport.environment import CERTIFICATES_VARIABLES
from catalog_builder.transport.s3_options import (
    obstore_options,
    s3_certificates,
    s3_silence,
    s3_timeouts,
    s3fs_options,
)

HERE = "http://127.0.0.1:9000"
PROXY = "http://proxy.invalid:3128"


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
    for name in (*names, *map(str.lower, names), *CERTIFICATES_VARIABLES, "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


def test_the_variable_of_aws_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert s3_certificates() is None
    for variable in ("SSL_CERT_FILE", "AWS_CA_BUNDLE"):
        (tmp_path / variable).write_bytes(variable.encode())
        monkeypatch.setenv(variable, str(tmp_path / variable))
        assert s3_certificates() == str(tmp_path / variable)
        assert s3fs_options(None, "us-west-2")["client_kwargs"]["verify"] == s3_certificates()
        assert obstore_options(None)["root_certificate"] == variable.encode()


def test_amazon_is_left_to_the_libraries() -> None:
    options = s3fs_options(None, "us-west-2")
    assert options["client_kwargs"]["region_name"] == "us-west-2"
    assert options["endpoint_url"] is None
    assert options["config_kwargs"] == s3_timeouts()
    assert not {"allow_http", "proxy_url"} & obstore_options(None).keys()


def test_another_s3_is_spoken_to_in_path_style_through_its_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", PROXY)
    config = s3fs_options("http://s3.invalid", "us-west-2")["config_kwargs"]
    assert config["s3"] == {"addressing_style": "path"}
    assert config["proxies"]["http"] == PROXY
    options = obstore_options("http://s3.invalid")
    assert options["allow_http"] is True
    assert "proxy_url" not in options  # obstore reads the variable itself


def test_this_machine_is_reached_without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", PROXY)
    assert s3fs_options(HERE, "us-west-2")["config_kwargs"]["proxies"] == {}
    assert obstore_options(HERE)["proxy_excludes"] == "127.0.0.1"
    assert obstore_options(HERE.replace("http:", "https:"))["allow_http"] is False


def test_a_try_of_three_takes_as_long_as_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TIMEOUT_VARIABLE, "90")
    assert s3_silence() * s3_timeouts()["retries"]["total_max_attempts"] == 90
    assert s3_timeouts()["connect_timeout"] == 10
    options = obstore_options(None)
    assert (options["read_timeout"], options["timeout"]) == ("30000ms", "346000ms")
