"""A client of NASA's Common Metadata Repository (CMR), or of a server with the same interface.

One page is in memory at a time. After a transient error (no answer, 429, 5xx, a broken body) the
request is repeated, after a growing pause or the one that CMR asks for. Other errors are raised at
once, with CMR's message.
https://cmr.earthdata.nasa.gov/search/site/docs/search/api.html
"""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING, Final, NoReturn, Self
from urllib.parse import urlsplit

import requests

from catalog_builder._version import __version__
from catalog_builder.auth.trusted_hosts import require_trusted
from catalog_builder.catalog.cmr.listing import Listing, follow_pages, listed_references
from catalog_builder.catalog.cmr.prefetch import prefetch
from catalog_builder.catalog.cmr.query import MAX_PAGE, GranuleQuery, collections_url
from catalog_builder.catalog.cmr.rate_limit import RateLimit
from catalog_builder.catalog.cmr.response import (
    Content,
    Page,
    References,
    read_answer,
    read_listing,
    read_records,
)
from catalog_builder.catalog.cmr.umm_c import Collection, parse_collection
from catalog_builder.errors import CmrError, CmrQueryError, CmrUnavailableError
from catalog_builder.transport.answer_limits import CMR_PAGE
from catalog_builder.transport.http_error import reason
from catalog_builder.transport.retries import NO_RETRIES, TransientError, repeat
from catalog_builder.transport.session import PlainSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from catalog_builder.progress import Reporter

NASA_CMR: Final = "https://cmr.earthdata.nasa.gov/search"
"""CMR's address, if ``CMR_URL`` is not set."""

URL_VARIABLE: Final = "CMR_URL"

_log = logging.getLogger(__name__)


class CmrClient:
    """A session with CMR. Must not be shared between threads."""

    def __init__(
        self,
        url: str | None = None,
        *,
        token: str | None = None,
        session: requests.Session | None = None,
        timeout: tuple[float, float] | None = None,
        retries: int = 6,
        sleep: Callable[[float], None] = time.sleep,
        client_id: str = f"catalog-builder/{__version__}",
        rate_limit: RateLimit | None = None,
    ) -> None:
        """Sends nothing.

        ``url`` is CMR's, with or without ``/search``; default ``CMR_URL``, else NASA's. ``token``
        is an Earthdata token, needed only for collections that are not public; for a host that is
        not trusted, :class:`~catalog_builder.errors.UntrustedHostError` is raised. ``timeout`` is
        seconds to connect, and to wait for bytes, by default those of
        :func:`~catalog_builder.transport.answer_limits.timeouts`. Clients that run at once
        share a ``rate_limit``: if CMR tells one of them to wait, all do.
        """
        self.base = _base(url or os.environ.get(URL_VARIABLE) or NASA_CMR)
        if token is not None:
            require_trusted(self.base)
        self._auth = None if token is None else _Bearer(token)
        self._headers = {"Client-Id": client_id, "User-Agent": client_id}
        self._session = session or PlainSession(NO_RETRIES, most_bytes=CMR_PAGE)
        self._timeout = timeout
        self._retries = retries
        self._sleep = sleep
        self._answered = False
        self._rate_limit = rate_limit or RateLimit()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the session."""
        self._session.close()

    def sibling(self) -> CmrClient:
        """Another client of the same CMR, for another thread, with the same rate limit."""
        other = CmrClient(
            self.url,
            timeout=self._timeout,
            retries=self._retries,
            sleep=self._sleep,
            client_id=self._headers["Client-Id"],
            rate_limit=self._rate_limit,
        )
        other._auth = self._auth
        return other

    @property
    def url(self) -> str:
        """CMR's address, in the form of ``CMR_URL``."""
        return self.base.rstrip("/")

    def collections(
        self,
        *,
        short_name: str,
        version: str | None = None,
        provider: str | None = None,
        cloud_hosted: bool | None = None,
    ) -> list[Collection]:
        """Collections of a product, sorted by provider and version.

        ``cloud_hosted``: True for those in the cloud only, False for the others. Raises
        :class:`~catalog_builder.errors.CmrError`.
        """
        url = collections_url(
            self.base,
            short_name=short_name,
            version=version,
            provider=provider,
            cloud_hosted=cloud_hosted,
        )
        found = [
            parse_collection(record) for record in Listing(self.pages(url, MAX_PAGE, read_records))
        ]
        return sorted(found, key=lambda one: (one.provider, one.short_name, one.version))

    def collection(self, short_name: str, version: str, provider: str) -> Collection:
        """The one collection of this product, release and provider.

        Raises :class:`~catalog_builder.errors.CmrQueryError`, which lists the existing
        ones, unless there is exactly one.
        """
        there = self.collections(short_name=short_name)
        found = [one for one in there if (one.version, one.provider) == (version, provider)]
        if len(found) == 1:
            return found[0]
        listed = ", ".join(f"{one.provider} {one.version} ({one.concept_id})" for one in there)
        raise CmrQueryError(
            f"CMR has {len(found) or 'no'} collection {short_name} version {version} of provider "
            f"{provider}; of {short_name} it has: {listed or 'none'}."
        )

    def granules(self, query: GranuleQuery, *, progress: Reporter | None = None) -> Listing:
        """Records of the granules that a query matches, as dictionaries, page by page."""
        return Listing(self.pages(query.url(self.base), query.page_size, read_records), progress)

    def references(self, query: GranuleQuery) -> Iterator[References]:
        """Concept ids and revisions of the records that a query matches, page by page.

        They take a tenth of the bytes of the records. The next page is prefetched in a thread.
        """
        url = query.url(self.base, references=True)
        return listed_references(prefetch(self.pages(url, MAX_PAGE, read_listing)))

    def hits(self, query: GranuleQuery) -> int:
        """Number of granules that a query matches."""
        return self.read_page(query.url(self.base), read_records, page_size=0).hits

    def pages(
        self,
        url: str,
        page_size: int,
        read: Callable[[bytes], Content],
        *,
        search_after: str | None = None,
    ) -> Iterator[Page[Content]]:
        """The pages of a query, one by one, until CMR gives no paging cursor.

        ``search_after`` is the paging cursor to begin after.
        """

        def read_page(after: str | None) -> Page[Content]:
            return self.read_page(url, read, page_size=page_size, search_after=after)

        return follow_pages(read_page, search_after, page_size)

    def read_page(
        self,
        url: str,
        read: Callable[[bytes], Content],
        *,
        page_size: int,
        search_after: str | None = None,
    ) -> Page[Content]:
        """One complete page of a query; repeats the request after transient errors.

        ``search_after`` is the paging cursor of the page before, None for the first page.
        """
        headers = dict(self._headers)
        if search_after is not None:
            headers["CMR-Search-After"] = search_after
        return repeat(
            lambda: self._request(url, page_size, headers, read),
            # A host that never answered is probably unreachable: waiting minutes would not help.
            most=lambda: self._retries if self._answered else min(1, self._retries),
            pause=self._pause,
        )

    def _pause(self, fault: TransientError, seconds: float) -> None:
        level = logging.INFO if self._answered else logging.DEBUG
        _log.log(level, "%s. Trying again in %.0f s.", fault.brief, seconds)
        if fault.retry_after is None:
            self._sleep(seconds)
        else:
            self._rate_limit.close_for(seconds)

    def _request(
        self,
        url: str,
        page_size: int,
        headers: Mapping[str, str],
        read: Callable[[bytes], Content],
    ) -> Page[Content]:
        self._rate_limit.wait(self._sleep)
        try:
            response = self._session.get(
                url,
                params={"page_size": page_size},
                headers=headers,
                auth=self._auth,
                timeout=self._timeout,
                stream=True,  # read_answer reads the body, and names the request in its errors
            )
        except requests.exceptions.SSLError as error:
            raise CmrUnavailableError(
                f"The certificate of CMR at {self._host} cannot be verified ({reason(error)}). If "
                "a proxy replaces it, name the proxy's certificates in REQUESTS_CA_BUNDLE."
            ) from error
        except (requests.ConnectionError, requests.Timeout) as error:
            raise TransientError(
                CmrUnavailableError(
                    f"CMR at {self._host} cannot be reached: {reason(error)}. Check the network "
                    f"and HTTPS_PROXY, or set {URL_VARIABLE} to a CMR within reach."
                )
            ) from error
        except requests.RequestException as error:
            raise CmrError(f"CMR at {self._host} cannot be queried: {error}") from error
        self._answered = True
        return read_answer(response, read)

    @property
    def _host(self) -> str:
        return urlsplit(self.base).netloc.rpartition("@")[2]


class _Bearer(requests.auth.AuthBase):
    """Adds a token to requests; never shown, never pickled."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "A client that holds a token cannot be pickled: create it in the process that uses it."
        )


def _base(url: str) -> str:
    """CMR's URL, ending in ``/search/``, as python-cmr needs it."""
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CmrError(
            f"{URL_VARIABLE} = {url!r} is not the address of a CMR, such as {NASA_CMR}."
        )
    bare = url.strip().rstrip("/").removesuffix("/search")
    return f"{bare}/search/"
