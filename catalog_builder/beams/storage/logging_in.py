"""Logs in before many granules are read at once, so that a refused login is tried once only."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from catalog_builder.auth.earthdata import bearer_token
from catalog_builder.auth.s3_credentials import find_credentials
from catalog_builder.auth.trusted_hosts import is_trusted, require_trusted
from catalog_builder.beams.storage.granule_file import expected_transport
from catalog_builder.beams.storage.https import HttpsSource
from catalog_builder.errors import AccessError, CredentialsError
from catalog_builder.transport.hosts import origin

if TYPE_CHECKING:
    from catalog_builder.beams.storage.links import Access, GranuleLinks


def login_host(links: GranuleLinks, access: Access = "auto") -> str | None:
    """Origin of the host that a login is sent to when this granule is read; None for none.

    The host that hands out S3 keys, or the one that the granule is downloaded from.
    """
    url = _login_url(links, access)
    return None if url is None else origin(url)


def _login_url(links: GranuleLinks, access: Access) -> str | None:
    try:
        transport, _ = expected_transport(links, access)
    except AccessError:  # it cannot be read either
        return None
    if transport == "s3":
        return links.credentials_endpoint
    return links.https if transport == "https" and is_trusted(links.https or "") else None


def log_in(links: GranuleLinks, access: Access = "auto") -> None:
    """Get the keys or the token that reading this granule takes; nothing where it takes none.

    Over HTTPS a first byte is read too, which shows whether the token is accepted. Raises an
    :class:`~catalog_builder.errors.EarthdataError` where there is no login, no token can be got,
    or it is refused. Other errors of the granule's host are left to the reads that follow.
    """
    url = _login_url(links, access)
    if url is None:
        return
    require_trusted(url)
    bearer_token()
    if url == links.https:
        with suppress(AccessError):
            HttpsSource(links).close()
    else:
        with suppress(CredentialsError):
            find_credentials(url)()
