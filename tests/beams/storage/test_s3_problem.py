"""Errors of s3fs, botocore and obstore as errors of this package."""

from __future__ import annotations

import socket
import time

import pytest

from catalog_builder.beams.storage import s3
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.beams.storage.s3 import S3Source
from catalog_builder.beams.storage.s3_problem import no_answer, s3_problem
from catalog_builder.errors import (
    AccessError,
    CredentialsExpiredError,
    GranuleNotFoundError,
    OutOfRegionError,
)
from catalog_builder.transport.answer_limits import TIMEOUT_VARIABLE


@pytest.mark.parametrize(
    ("code", "endpoint", "kind", "says"),
    [
        ("NoSuchKey", None, GranuleNotFoundError, "There is nothing at s3://bucket/key"),
        ("PreconditionFailed", None, AccessError, "was replaced while it was read"),
        ("ExpiredToken", None, CredentialsExpiredError, "is this machine's clock right"),
        ("AccessDenied", "https://keys.example.org", OutOfRegionError, 'use access="https"'),
        ("AccessDenied", None, AccessError, "no credentials endpoint is known"),
        ("SlowDown", None, AccessError, "S3 answered SlowDown"),
    ],
)
def test_what_s3_answers_becomes_an_error_of_ours(
    code: str, endpoint: str | None, kind: type[Exception], says: str
) -> None:
    """botocore's error has the code in its response, obstore's in its text."""
    from botocore.exceptions import ClientError

    links = GranuleLinks(s3="s3://bucket/key", credentials_endpoint=endpoint)
    for error in (
        ClientError({"Error": {"Code": code}}, "GetObject"),
        OSError(f"Client error: <Error><Code>{code}</Code></Error>"),
    ):
        problem = s3_problem(links, error)
        assert type(problem) is kind
        assert says in str(problem)
    assert s3_problem(links, OSError("connection reset")) is None
    assert isinstance(s3_problem(links, FileNotFoundError("key")), GranuleNotFoundError)


@pytest.mark.parametrize(
    "error",
    [
        IndexError("tuple index out of range"),
        TimeoutError(),
        OSError("Read timeout on endpoint URL"),
        OSError("Generic S3 error: HTTP error: error sending request"),
    ],
)
def test_a_silent_s3_is_said_to_be_silent(error: Exception) -> None:
    text = str(no_answer(GranuleLinks(s3="s3://bucket/key"), error))
    assert "S3 in us-west-2 gave no answer" in text
    assert "tuple" not in text


def test_a_silent_s3_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TIMEOUT_VARIABLE, "0.3")
    monkeypatch.setattr(s3, "S3FS_TRIES", 1)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(AccessError, match="gave no answer, each time it was asked"):
            S3Source(GranuleLinks(s3="s3://bucket/key.h5"))
        assert time.monotonic() - began < 60
