"""Earthdata Login: tokens, codes and S3 keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from obstore.auth.earthdata import NasaEarthdataCredentialProvider

from earthdata_standin import EarthdataStandin
from tests.earthdata_standin.standin_clients import (
    bearer,
)


def test_a_token_for_a_password(cloud: EarthdataStandin) -> None:
    url = f"{cloud.earthdata_url}/api/users/find_or_create_token"
    answer = requests.post(url, auth=(cloud.username, cloud.password), timeout=10).json()
    assert (answer["access_token"], answer["token_type"]) == (cloud.token, "Bearer")
    assert datetime.strptime(answer["expiration_date"], "%m/%d/%Y") > datetime(2024, 1, 1)
    wrong = requests.post(url, auth=(cloud.username, "wrong"), timeout=10)
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_credentials")


def test_s3_keys_for_a_token(cloud: EarthdataStandin) -> None:
    cloud.faults.key_lifetime = 100
    issued = requests.get(
        cloud.credentials_endpoint, headers=bearer(cloud.token), timeout=10
    ).json()
    assert issued.keys() == {"accessKeyId", "secretAccessKey", "sessionToken", "expiration"}
    left = datetime.fromisoformat(issued["expiration"]) - datetime.now(UTC)
    assert timedelta(seconds=95) < left < timedelta(seconds=101)
    wrong = requests.get(cloud.credentials_endpoint, headers=bearer("wrong"), timeout=10)
    assert wrong.status_code == 401


@pytest.mark.parametrize("status", [302, 307])
def test_s3_keys_for_a_password(cloud: EarthdataStandin, status: Any) -> None:
    cloud.faults.redirect_status = status
    with requests.Session() as session:
        session.trust_env = False
        first = session.get(cloud.credentials_endpoint, allow_redirects=False, timeout=10)
        assert first.status_code == status
        assert first.headers["Location"].startswith(f"{cloud.earthdata_url}/oauth/authorize?")
        nobody = session.get(first.headers["Location"], timeout=10)
        assert (nobody.status_code, nobody.headers["Content-Type"].split(";")[0]) == (
            200,
            "text/html",
        )
        wrong = session.get(first.headers["Location"], auth=(cloud.username, "no"), timeout=10)
        assert wrong.status_code == 401
        back = session.get(
            first.headers["Location"], auth=(cloud.username, cloud.password), timeout=10
        )
        assert back.json()["accessKeyId"]
        again = session.get(cloud.credentials_endpoint, allow_redirects=False, timeout=10)
        assert again.json()["accessKeyId"] != back.json()["accessKeyId"]
    assert all(r.authorization != "Basic" for r in cloud.requests if r.service != "earthdata")


def test_a_code_works_once(cloud: EarthdataStandin) -> None:
    unknown = requests.get(f"{cloud.data_url}/login", params={"code": "made-up"}, timeout=10)
    assert unknown.status_code == 401


@pytest.mark.parametrize("by", ["token", "password"])
def test_obstore_logs_in(cloud: EarthdataStandin, by: str) -> None:
    auth = cloud.token if by == "token" else (cloud.username, cloud.password)
    provider = NasaEarthdataCredentialProvider(
        cloud.credentials_endpoint, host="127.0.0.1", auth=auth
    )
    try:
        keys = provider()
    finally:
        provider.close()
    assert keys["access_key_id"].startswith("ASIA")
    assert keys["expires_at"] is not None
    assert keys["expires_at"] > datetime.now(UTC)


def test_an_agreement_not_accepted(cloud: EarthdataStandin) -> None:
    cloud.faults.eula_pending = True
    answer = requests.get(cloud.credentials_endpoint, headers=bearer(cloud.token), timeout=10)
    assert answer.status_code == 403
    assert "EULA" in answer.json()["error_description"]
    assert answer.json()["resolution_url"].startswith(f"{cloud.earthdata_url}/approve_app")


def test_a_login_answered_with_a_page(cloud: EarthdataStandin) -> None:
    cloud.faults.html_login = True
    answer = requests.get(cloud.credentials_endpoint, headers=bearer(cloud.token), timeout=10)
    assert answer.status_code == 200
    assert "<html" in answer.text
