"""Temporary S3 keys: issued by the credentials endpoint, checked by S3.

The signature is AWS Signature Version 4 in the Authorization header, computed anew from what
arrived. Source: AWS, "Authenticating Requests (AWS Signature Version 4)", Amazon S3 API Reference.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, quote, unquote

from aiohttp import web

from earthdata_standin.storage import StorageError

_AUTHORIZATION: Final = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/,\s]+)/(?P<scope>(?P<day>\d{8})/"
    r"(?P<region>[^/,\s]+)/s3/aws4_request),\s*SignedHeaders=(?P<headers>[^,\s]+),"
    r"\s*Signature=(?P<signature>[0-9a-f]{64})"
)
_SKEW: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Key:
    """One set of temporary keys."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires: datetime
    """From here on S3 refuses them."""

    def to_dict(self) -> dict[str, str]:
        """The answer of an ``s3credentials`` endpoint; the time is cut to whole seconds."""
        return {
            "accessKeyId": self.access_key_id,
            "secretAccessKey": self.secret_access_key,
            "sessionToken": self.session_token,
            "expiration": f"{self.expires:%Y-%m-%d %H:%M:%S}+00:00",
        }


class KeyRing:
    """All keys issued so far."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._keys: dict[str, S3Key] = {}
        self._now = now

    def issue(self, lifetime: float) -> S3Key:
        """New keys that live so many seconds."""
        key = S3Key(
            access_key_id=f"ASIA{secrets.token_hex(8).upper()}",
            secret_access_key=secrets.token_urlsafe(30),
            session_token=secrets.token_urlsafe(120),
            expires=self._now() + timedelta(seconds=lifetime),
        )
        self._keys[key.access_key_id] = key
        return key

    def check(self, request: web.Request) -> None:
        """Raise :class:`StorageError`, by S3's own code, where the request is not signed well."""
        text = request.headers.get("Authorization")
        if text is None:
            raise StorageError("AccessDenied")
        match = _AUTHORIZATION.fullmatch(text)
        if match is None:
            raise StorageError("AuthorizationHeaderMalformed")
        key = self._keys.get(match["key"])
        if key is None:
            raise StorageError("InvalidAccessKeyId")
        if request.headers.get("x-amz-security-token") != key.session_token:
            raise StorageError("InvalidToken")
        if key.expires <= self._now():
            raise StorageError("ExpiredToken")
        stamp = request.headers.get("x-amz-date", "")
        try:
            signed_at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        except ValueError:
            raise StorageError("AccessDenied") from None
        if abs(self._now() - signed_at) > _SKEW:
            raise StorageError("RequestTimeTooSkewed")
        names = match["headers"].split(";")
        if not {"host", "x-amz-security-token"} <= set(names) or not stamp.startswith(
            match["day"]
        ):
            raise StorageError("SignatureDoesNotMatch")
        to_sign = "\n".join(
            (
                "AWS4-HMAC-SHA256",
                stamp,
                match["scope"],
                hashlib.sha256(_canonical(request, names).encode()).hexdigest(),
            )
        )
        signature = hmac.digest(
            _signing_key(key.secret_access_key, match["scope"]), to_sign.encode(), "sha256"
        )
        if not hmac.compare_digest(signature.hex(), match["signature"]):
            raise StorageError("SignatureDoesNotMatch")


def _signing_key(secret: str, scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _canonical(request: web.Request, names: list[str]) -> str:
    path, _, query = request.raw_path.partition("?")
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parse_qsl(query, keep_blank_values=True)
    )
    headers = [
        f"{name}:{','.join(' '.join(v.split()) for v in request.headers.getall(name, []))}\n"
        for name in names
    ]
    return "\n".join(
        (
            request.method,
            quote(unquote(path), safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in pairs),
            "".join(headers),
            ";".join(names),
            request.headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
        )
    )
