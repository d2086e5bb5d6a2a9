"""The report of a check: what is quoted holds no secret."""

from __future__ import annotations

import pytest
import requests

from catalog_builder.nasa_report import Answer, Finding, markdown

SECRET = "a-secret-of-this-machine"
TOKEN = "eyJ0eXAiOiJKV1QifQ.eyJ1aWQiOiJ4In0.c2lnbmF0dXJl"


def test_values_of_the_environment_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("EARTHDATA_PASSWORD", SECRET)
    monkeypatch.setenv("EARTHDATA_TOKEN", TOKEN)
    answer = requests.Response()
    answer.status_code = 200
    answer.headers.update(
        {"ETag": '"1"', "Set-Cookie": "session=1", "Location": "https://a?sig=1"}
    )
    found = f"said {SECRET} and {TOKEN} | https://host/x?X-Amz-Signature=abcdef0123"
    text = markdown(
        [Finding(release="007", claim="c", state="failed", found=found, seconds=1.0)],
        [Answer.of("https://host.example/path?sig=hidden", answer)],
    )
    for secret in (SECRET, TOKEN, "abcdef0123", "session=1", "hidden", "sig=1"):
        assert secret not in text
    assert "host.example: 200" in text
    assert 'ETag: "1"' in text
    assert "\\|" in text
