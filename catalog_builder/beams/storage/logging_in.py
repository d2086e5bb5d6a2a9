"""Logs in ahead: before many granules are read at once, and beside what a first read waits for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from catalog_builder.auth.trusted_hosts import is_trusted, require_trusted
from catalog_builder.beams.storage.granule_file import expected_transport
from catalog_builder.beams.storage.s3 import connect, is_connected
from catalog_builder.errors import AccessError, CredentialsError, EulaError
from catalog_builder.transport.hosts import origin

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    from catalog_builder.auth.earthdata import bearer_token

    require_trusted(url)
    bearer_token()
    if url == links.https:
        from catalog_builder.beams.storage.https import HttpsSource

        with suppress(AccessError):
            HttpsSource(links).close()
    else:
        from catalog_builder.auth.s3_credentials import find_credentials

        with suppress(CredentialsError):
            find_credentials(url)()


@contextmanager
def connecting(links: GranuleLinks, access: Access = "auto") -> Iterator[None]:
    """Get ready to read this granule from S3 in a thread, while the ``with`` waits for its own.

    That is the client, and the keys that its bucket takes. Nothing, where there is a client of the
    bucket already. Raises :class:`~catalog_builder.errors.EulaError`, for the read would only ask
    once more. Nothing else: what fails here fails in the read too, and a login that is refused is
    not sent again.
    """
    try:
        transport, _ = expected_transport(links, access)
    except AccessError:  # as the read will say
        transport = "local"
    if transport != "s3" or is_connected(links):
        yield
        return
    threads = ThreadPoolExecutor(1, "connect-s3")
    connected = threads.submit(connect, links)
    try:
        yield
    finally:
        threads.shutdown(wait=False)
    wait([connected])
    if isinstance(error := connected.exception(), EulaError):
        raise error
