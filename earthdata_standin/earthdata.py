"""The stand-in's Earthdata Login, and the half of it that a data service speaks.

A client without a token is sent to ``/oauth/authorize``, logs in there with HTTP Basic, is sent
back with a code, and gets a cookie for it. Source: Earthdata Login's developer documentation,
and the redirects of Thin Egress App (302) and of Cumulus' ``s3credentials`` (307).
"""

from __future__ import annotations

import base64
import binascii
import secrets
from datetime import UTC, datetime, timedelta
from typing import Final

from aiohttp import web
from yarl import URL

from earthdata_standin.faults import Faults

_CLIENT_ID: Final = "standin-data"
_COOKIE: Final = {302: "asf-urs", 307: "accessToken"}
_LOGIN_PAGE: Final = (
    "<!DOCTYPE html><html><head><title>Earthdata Login</title></head>"
    '<body><form action="/login" method="post">Please log in.</form></body></html>'
)


class Accounts:
    """The one user there is, and what was handed out to them."""

    def __init__(self, username: str, password: str, token: str) -> None:
        self.username = username
        self.password = password
        self.token = token
        self._codes: set[str] = set()
        self._cookies: set[str] = set()

    def knows_basic(self, header: str) -> bool:
        """Whether this Authorization header names the user and the right password."""
        scheme, _, text = header.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            name, _, password = base64.b64decode(text, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        return (name, password) == (self.username, self.password)

    def knows_token(self, header: str) -> bool:
        """Whether this Authorization header is ``Bearer`` and the user's token."""
        scheme, _, token = header.partition(" ")
        return scheme.lower() == "bearer" and token.strip() == self.token

    def new_code(self) -> str:
        """A code to be sent back to a data service with."""
        code = secrets.token_hex(16)
        self._codes.add(code)
        return code

    def new_cookie(self, code: str) -> str | None:
        """A cookie for a code, which is used up; None where the code is unknown."""
        if code not in self._codes:
            return None
        self._codes.discard(code)
        cookie = secrets.token_hex(16)
        self._cookies.add(cookie)
        return cookie

    def knows_cookie(self, cookie: str | None) -> bool:
        """Whether this cookie was handed out."""
        return cookie in self._cookies


def earthdata_login(accounts: Accounts, faults: Faults) -> list[web.RouteDef]:
    """The routes of Earthdata Login itself."""

    async def find_or_create_token(request: web.Request) -> web.Response:
        if not accounts.knows_basic(request.headers.get("Authorization", "")):
            return _refused()
        expires = datetime.now(UTC) + timedelta(days=60)
        return web.json_response(
            {
                "access_token": accounts.token,
                "token_type": "Bearer",
                "expiration_date": f"{expires:%m/%d/%Y}",
            }
        )

    async def authorize(request: web.Request) -> web.Response:
        header = request.headers.get("Authorization")
        if faults.html_login or header is None:
            return _login_page()
        if not accounts.knows_basic(header):
            return _refused()
        back = URL(request.query["redirect_uri"]).update_query(
            code=accounts.new_code(), state=request.query.get("state", "")
        )
        return web.Response(status=302, headers={"Location": str(back)})

    return [
        web.post("/api/users/find_or_create_token", find_or_create_token),
        web.get("/oauth/authorize", authorize),
    ]


class Gate:
    """Lets the user in to a data service, or sends them to Earthdata Login."""

    def __init__(
        self, accounts: Accounts, faults: Faults, *, earthdata_url: str, data_url: str
    ) -> None:
        self._accounts = accounts
        self._faults = faults
        self._earthdata_url = earthdata_url
        self._data_url = data_url

    def refusal(self, request: web.Request) -> web.Response | None:
        """None where the request comes from the user; else what to answer instead."""
        header = request.headers.get("Authorization", "")
        if header.lower().startswith("bearer "):
            if self._faults.html_login:
                return _login_page()
            if not self._accounts.knows_token(header):
                return _refused("invalid_token", "The token is either malformed or does not exist")
        elif not self._accounts.knows_cookie(request.cookies.get(self._cookie)):
            return self._to_login(request)
        return self._eula() if self._faults.eula_pending else None

    async def come_back(self, request: web.Request) -> web.Response:
        """Answer a user whom Earthdata Login sent back with a code."""
        cookie = self._accounts.new_cookie(request.query.get("code", ""))
        if cookie is None:
            return _refused("invalid_grant", "The authorization code is unknown or was used")
        response = web.Response(
            status=self._faults.redirect_status,
            headers={"Location": f"{self._data_url}{request.query.get('state', '/')}"},
        )
        response.set_cookie(self._cookie, cookie, httponly=True)
        return response

    @property
    def _cookie(self) -> str:
        return _COOKIE[self._faults.redirect_status]

    def _to_login(self, request: web.Request) -> web.Response:
        location = URL(f"{self._earthdata_url}/oauth/authorize").with_query(
            client_id=_CLIENT_ID,
            response_type="code",
            redirect_uri=f"{self._data_url}/login",
            state=request.raw_path,
        )
        return web.Response(
            status=self._faults.redirect_status, headers={"Location": str(location)}
        )

    def _eula(self) -> web.Response:
        return web.json_response(
            {
                "status_code": 403,
                "error_description": "EULA Acceptance Failure",
                "resolution_url": f"{self._earthdata_url}/approve_app?client_id={_CLIENT_ID}",
            },
            status=403,
        )


def _refused(
    error: str = "invalid_credentials", description: str = "Invalid user credentials"
) -> web.Response:
    return web.json_response({"error": error, "error_description": description}, status=401)


def _login_page() -> web.Response:
    return web.Response(text=_LOGIN_PAGE, content_type="text/html")
