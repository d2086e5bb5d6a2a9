"""Plain clients of the stand-in: CMR page by page, boto3 with the stand-in's keys."""

from __future__ import annotations

from typing import Any

import boto3
import numpy as np
import requests
from botocore.config import Config

from earthdata_standin import EarthdataStandin

BUCKET = "nsidc-cumulus-prod-protected"
NAME = "ATL03_20181014031924_02370102_007_01.h5"
KEY = f"ATLAS/ATL03/007/2018/10/14/{NAME}"
CONTENT = bytes(np.random.default_rng(0).integers(0, 256, 1_000_003, dtype=np.uint8))

V007 = "C3326974349-NSIDC_CPRD"
BOX = (-76.623291, 38.842973, -76.506054, 38.934599)
"""For which NASA's CMR returned the 1,408 real records."""


def get(cloud: EarthdataStandin, path: str, **kwargs: Any) -> requests.Response:
    return requests.get(f"{cloud.cmr_url}/{path}", timeout=10, **kwargs)


def granules(cloud: EarthdataStandin, **conditions: Any) -> list[dict[str, Any]]:
    """All granules that fulfil the conditions, page by page."""
    found, headers = [], {}
    while True:
        answer = get(
            cloud,
            "granules.umm_json",
            params={"short_name": "ATL03", "page_size": 7, **conditions},
            headers=headers,
        )
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        if "CMR-Search-After" not in answer.headers:
            assert answer.json()["items"] == []
            return found
        headers = {"CMR-Search-After": answer.headers["CMR-Search-After"]}


def ids(items: list[dict[str, Any]]) -> list[str]:
    return [item["meta"]["concept-id"] for item in items]


def s3_client(cloud: EarthdataStandin, **keys: str) -> Any:
    if not keys:
        issued = requests.get(
            cloud.credentials_endpoint,
            headers={"Authorization": f"Bearer {cloud.token}"},
            timeout=10,
        ).json()
        keys = {
            "aws_access_key_id": issued["accessKeyId"],
            "aws_secret_access_key": issued["secretAccessKey"],
            "aws_session_token": issued["sessionToken"],
        }
    return boto3.client(
        "s3",
        endpoint_url=cloud.s3_url,
        region_name="us-west-2",
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        **keys,
    )


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
