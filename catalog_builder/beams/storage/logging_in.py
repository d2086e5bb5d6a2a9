"""Logging in before many read at once, so that a login that is refused is tried a single time."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from catalog_builder.auth.earthdata import bearer_token
from catalog_builder.auth.s3_credentials import find_credentials
from catalog_builder.auth.trusted_hosts import is_trusted, require_trusted
from catalog_builder.beams.storage.granule_file import way_ahead
from catalog_builder.beams.storage.https import HttpsSource
from catalog_builder.errors import AccessError, CredentialsError
from catalog_builder.transport.hosts import origin

if TYPE_CHECKING:
    from catalog_builder.beams.storage.links import Access, GranuleLinks


def login_host(links: GranuleLinks, access: Access = "auto") -> str | None:
    """Origin of the host that a login is sent to when this granule is read; None for none.

    The host that hands out S3 keys, or the one that the granule is downloaded from.
    """
    try:
        way, _ = way_ahead(links, access)
    except AccessError:  # nor can it be read
        return None
    if way == "s3" and links.credentials_endpoint:
        return origin(links.credentials_endpoint)
    if way == "https" and links.https and is_trusted(links.https):
        return origin(links.https)
    return None


def log_in(links: GranuleLinks, access: Access = "auto") -> None:
    """Get what reading this granule needs of a login; nothing where it needs none.

    Over S3 that is keys, over HTTPS a token, and a first byte that shows whether it is taken.
    Raises an :class:`~catalog_builder.errors.EarthdataError` where there is no login, no token is
    to be had, or it is refused. What else goes wrong at the granule's host is left to whoever
    reads.
    """
    if login_host(links, access) is None:
        return
    way, _ = way_ahead(links, access)
    if way == "s3" and links.credentials_endpoint:
        require_trusted(links.credentials_endpoint)
        bearer_token()
        with suppress(CredentialsError):
            find_credentials(links.credentials_endpoint)()
    else:
        bearer_token()
        with suppress(AccessError):
            HttpsSource(links).close()
