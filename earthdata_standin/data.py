"""The stand-in's data service: temporary S3 keys, and downloads over HTTPS.

A download is let in at the data service and sent on to a signed link on another host, where the
file is and where a login must not go. Source: Thin Egress App, which NASA's archives run.
"""

from __future__ import annotations

import hmac
import secrets
from time import time
from urllib.parse import unquote

from aiohttp import web

from earthdata_standin.earthdata import Gate
from earthdata_standin.faults import Faults
from earthdata_standin.s3_keys import KeyRing
from earthdata_standin.storage import Storage, StorageError


class SignedLinks:
    """Links to files that open without a login, for a while."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._secret = secrets.token_bytes(32)

    def make(self, path: str, lifetime: float) -> str:
        """A link to this path (percent-encoded) that lives so many seconds."""
        expires = f"{time() + lifetime:.3f}"
        query = f"Expires={expires}&Key-Pair-Id=LOCAL&Signature={self._sign(path, expires)}"
        return f"{self._base_url}{path}?{query}"

    def check(self, request: web.Request) -> None:
        """Raise :class:`StorageError` where the link was not made here, or has died."""
        expires = request.query.get("Expires", "")
        signature = self._sign(request.raw_path.partition("?")[0], expires)
        if not hmac.compare_digest(signature, request.query.get("Signature", "")):
            raise StorageError("AccessDenied")
        if float(expires) <= time():
            raise StorageError("AccessDenied", "Request has expired")

    def _sign(self, path: str, expires: str) -> str:
        return hmac.digest(self._secret, f"{path} {expires}".encode(), "sha256").hex()


def data_service(
    gate: Gate, keys: KeyRing, links: SignedLinks, storage: Storage, faults: Faults
) -> list[web.RouteDef]:
    """The routes that ask for a login."""

    async def s3credentials(request: web.Request) -> web.Response:
        refusal = gate.refusal(request)
        if refusal is not None:
            return refusal
        return web.json_response(keys.issue(faults.key_lifetime).to_dict())

    async def download(request: web.Request) -> web.StreamResponse:
        path = request.raw_path.partition("?")[0]
        bucket = path.split("/")[1]
        if not bucket.endswith("-public"):
            refusal = gate.refusal(request)
            if refusal is not None:
                return refusal
        await storage.find(unquote(path[1:]))
        location = links.make(path, faults.link_lifetime)
        return web.Response(status=303, headers={"Location": location})

    return [
        web.get("/s3credentials", s3credentials),
        web.get("/login", gate.come_back),
        web.get("/{key:.+/.+}", download),
    ]


def download_service(links: SignedLinks, storage: Storage) -> list[web.RouteDef]:
    """The routes that signed links lead to."""

    async def send(request: web.Request) -> web.StreamResponse:
        if "Authorization" in request.headers:
            # S3 refuses a signed link that comes with a login as well.
            raise StorageError("InvalidArgument")
        links.check(request)
        return await storage.send(request, unquote(request.raw_path.partition("?")[0][1:]))

    return [web.get("/{key:.+}", send)]
