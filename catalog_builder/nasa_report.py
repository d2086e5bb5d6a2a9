"""The report of a check of NASA's services: Markdown without secrets, for an issue."""

from __future__ import annotations

import os
import platform
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal, Self
from urllib.parse import urljoin, urlsplit

from catalog_builder._version import __version__
from catalog_builder.auth.redaction import redacted
from catalog_builder.errors import CatalogBuilderError

if TYPE_CHECKING:
    import requests

_HEADERS: Final = {
    *("accept-ranges", "age", "cache-control", "cmr-hits", "cmr-time-out", "cmr-timed-out"),
    *("cmr-took", "content-encoding", "content-length", "content-md5", "content-range"),
    *("content-type", "date", "etag", "last-modified", "server", "vary", "via", "x-cache"),
}
"""Headers of answers that go into the report: no others, for some sign or log in."""

_SECRETS: Final = ("TOKEN", "PASSWORD", "SECRET", "USERNAME", "ACCESS_KEY")
"""Parts of names of environment variables whose values are never reported."""

State = Literal["ok", "elsewhere", "failed", "skipped", "left out"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one check."""

    release: str
    """``007``."""
    claim: str
    """What README says, in short."""
    state: State
    """``elsewhere``: S3 refused since this machine is outside its region, as it should.
    ``skipped``: a check that it needs failed. ``left out``: not asked for, or its extra is not
    installed."""
    found: str
    """What was found, or the error."""
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a host answered, without its body."""

    host: str
    status: int
    headers: Mapping[str, str]
    """Those of which it is known that they hold no secret."""

    @classmethod
    def of(cls, url: str, answer: requests.Response) -> Self:
        """The answer to a request for a URL."""
        headers = {name: text for name, text in answer.headers.items() if name.lower() in _HEADERS}
        return cls(host=urlsplit(url).hostname or "", status=answer.status_code, headers=headers)


def answers_to_range(url: str) -> tuple[list[Answer], bytes]:
    """What a granule's link, and all that it redirects to, answer to a request for 8 bytes.

    The login goes to trusted hosts alone. Also gives the last body.
    """
    from catalog_builder.auth.earthdata import LoginSession, bearer_token
    from catalog_builder.auth.login import Login
    from catalog_builder.auth.trusted_hosts import is_trusted
    from catalog_builder.transport.session import PlainSession

    token, found = bearer_token(Login.find()), []
    for _ in range(5):
        headers = {"Range": "bytes=0-7", "Accept-Encoding": "identity"}
        if is_trusted(url):
            headers["Authorization"] = f"Bearer {token}"
        with LoginSession() if is_trusted(url) else PlainSession() as session:
            answer = session.get(url, headers=headers, allow_redirects=False)
        found.append(Answer.of(url, answer))
        if not answer.is_redirect:
            break
        url = urljoin(url, answer.headers["Location"])
    return found, answer.content


def markdown(findings: Sequence[Finding], answers: Sequence[Answer]) -> str:
    """The report, without secrets."""
    import h5py
    import obstore
    import xarray

    from catalog_builder.auth.region import machine_region

    region, source = machine_region()
    lines = [
        "# A check of NASA's services",
        "",
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, catalog-builder {__version__}, Python "
        f"{platform.python_version()}, {platform.system()} {platform.machine()}, "
        f"xarray {xarray.__version__}, h5py {h5py.__version__}, obstore {obstore.__version__}, "
        f"region {region or 'unknown'} ({source})",
        "",
        "| release | claim | state | s | found |",
        "|---|---|---|---:|---|",
    ]
    for one in findings:
        found = " ".join(one.found.replace("|", "\\|").split())
        lines.append(f"| {one.release} | {one.claim} | {one.state} | {one.seconds} | {found} |")
    lines += ["", "## Headers of answers", ""]
    for answer in answers:
        headers = (f"{name}: {text}" for name, text in answer.headers.items())
        lines += [f"{answer.host}: {answer.status}", "", "```", *headers, "```", ""]
    return _without_secrets("\n".join(lines))


def _without_secrets(text: str) -> str:
    """The text without what signs or logs in, by form and by the values of the environment."""
    from catalog_builder.auth.login import Login

    values = {
        value
        for name, value in os.environ.items()
        if any(part in name for part in _SECRETS) and len(value) > 3
    }
    with suppress(CatalogBuilderError), warnings.catch_warnings(action="ignore"):
        login = Login.find()
        values |= {one for one in (login.token, login.username, login.password) if one}
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, "…")
    return redacted(text)
