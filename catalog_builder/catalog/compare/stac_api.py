"""Reads collections and items of a STAC API through pystac-client.

https://github.com/radiantearth/stac-api-spec
"""

from __future__ import annotations

import re
import time
import warnings
from math import ceil, floor
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import quote, urlsplit

import pystac
from pystac_client import Client, ItemSearch
from pystac_client.errors import ClientTypeError
from pystac_client.warnings import PystacClientWarning

from catalog_builder.catalog.cmr.query import time_text, whole_seconds
from catalog_builder.catalog.compare.stac_io import EXAMPLE, PlainIO, shown
from catalog_builder.errors import StacApiError
from catalog_builder.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from catalog_builder.geo.window import Box, Interval
    from catalog_builder.progress import Reporter

PAGE: Final = 250
"""Items requested per page; an API may return fewer (NASA's returns 100)."""

_MALFORMED = (AttributeError, KeyError, TypeError, ValueError)
"""Errors that pystac raises for JSON that does not follow STAC."""


class StacApi:
    """A STAC API with item search. Must not be shared between threads."""

    def __init__(self, client: Client, io: PlainIO, url: str) -> None:
        """See :meth:`open`."""
        self.url = shown(url)
        """Address of the landing page."""
        self._io = io
        self._fields = client.conforms_to("FIELDS")
        links = [link for link in client.get_links("search") if isinstance(link.href, str)]
        methods = {link.extra_fields.get("method", "GET"): link for link in links}
        self._method = "GET" if "GET" in methods or not methods else "POST"
        self._search = _href(methods.get(self._method), f"{url}/search")
        self._collections = _href(client.get_single_link("data"), f"{url}/collections")
        if not links:
            children = [str(link.href) for link in client.get_child_links()]
            such = f"one of its children, as {', '.join(children[:9])}" if children else EXAMPLE
            raise StacApiError(
                f"{self.url} is a STAC catalog without item search. Give the landing page of a "
                f"STAC API: {such}."
            )

    @classmethod
    def open(
        cls,
        url: str,
        *,
        timeout: tuple[float, float] | None = None,
        retries: int = 4,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Self:
        """Read the landing page of an API.

        Raises :class:`~catalog_builder.errors.StacApiError` if there is none.
        """
        url = url.strip().rstrip("/")
        try:
            parts = urlsplit(url)
            held = parts.username is not None
        except ValueError:
            parts, held = urlsplit(""), False
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise StacApiError(f"{url!r} is not the address of a STAC API, such as {EXAMPLE}.")
        if held:
            raise StacApiError(
                f"The address of the STAC API at {parts.hostname} contains a login. A STAC API "
                "is sent none: remove it from the address."
            )
        io = PlainIO(timeout=timeout, retries=retries, sleep=sleep)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", PystacClientWarning)
                client = Client.open(url, stac_io=io, timeout=timeout)
            return cls(client, io, url)
        except StacApiError:
            io.close()
            raise
        except (ClientTypeError, pystac.STACError, *_MALFORMED) as error:
            io.close()
            why = f"{type(error).__name__}: {error}".replace(url, shown(url)).rstrip(".")
            raise StacApiError(
                f"{shown(url)} is not the landing page of a STAC API, as {EXAMPLE} is ({why})."
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the session."""
        self._io.close()

    def collection(self, short_name: str, release: str, *, wanted: str | None = None) -> str:
        """Id of the collection of a product's release, or of the ``wanted`` one.

        Without ``wanted`` its id must be like ``ATL03_007``, ``ATL03.v007`` or ``atl03-v7``.
        Raises :class:`~catalog_builder.errors.StacApiError`, which lists the product's
        collections, unless exactly one fits.
        """
        first = wanted or f"{short_name}_{release}"
        try:
            found = self._io.read_json(f"{self._collections}/{quote(first, safe='')}")
            return str(found.get("id") or first)
        except StacApiError as error:
            if error.status not in (400, 404):
                raise
        like = re.compile(rf"{short_name}[\W_]*v?[\W_]*0*{int(release)}", re.IGNORECASE)
        ids = list(self._collection_ids())
        fitting = [name for name in ids if like.fullmatch(name)]
        if len(fitting) == 1 and wanted is None:
            return fitting[0]
        named = [name for name in ids if short_name.lower() in name.lower()]
        listed = (
            f"of {short_name} it has {', '.join(sorted(named)[:20])}"
            if named
            else (f"none of its {len(ids)} is named after {short_name}")
        )
        many = f"{len(fitting)} collections" if len(fitting) > 1 else "no collection"
        what = repr(wanted) if wanted else f"named like {first}"
        raise StacApiError(
            f"The STAC API {self.url} has {many} {what}: {listed}. Name one with --collection "
            "(collection=)."
        )

    def items(
        self,
        collection: str,
        box: Box | None = None,
        interval: Interval = (None, None),
        *,
        geometry: bool = True,
        progress: Reporter | None = None,
    ) -> ItemListing:
        """Items of a collection, as dictionaries, page by page.

        ``geometry`` False: without geometries, if the API can leave them out. A box across ±180 is
        searched in two halves, so an item may come twice: not all APIs accept a box whose west is
        greater than its east (NASA's does not).
        """
        fields = ["id", "assets", "geometry"] if geometry else ["id", "assets", "-geometry"]
        searches = [
            ItemSearch(
                self._search,
                method=self._method,
                stac_io=self._io,
                collections=[collection],
                bbox=part,
                datetime=_datetime(interval),
                fields=[*fields, "-links"] if self._fields else None,
                limit=PAGE,
            )
            for part in _halves(box)
        ]
        return ItemListing(searches, self.url, progress)

    def _collection_ids(self) -> Iterator[str]:
        for page in self._io.get_pages(self._collections):
            for collection in page.get("collections") or ():
                if isinstance(collection, dict) and "id" in collection:
                    yield str(collection["id"])


class ItemListing:
    """Items that searches find: an iterator that holds one page at a time."""

    def __init__(self, searches: list[ItemSearch], url: str, progress: Reporter | None) -> None:
        self.matched: int | None = None
        """Number of matching items by the API's last count; None if it gives none."""
        self.read = 0
        """Items yielded so far."""
        self._items = self._stream(searches, url, progress)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self

    def __next__(self) -> dict[str, Any]:
        return next(self._items)

    def _stream(
        self, searches: list[ItemSearch], url: str, progress: Reporter | None
    ) -> Iterator[dict[str, Any]]:
        before: int | None = 0
        for search in searches:
            pages, followed, matched = search.pages_as_dicts(), None, None
            while True:
                try:
                    page = next(pages, None)
                    if page is None:
                        break
                    matched = _matched(page)
                    items, follows = list(page.pop("features")), _next(page)
                except _MALFORMED as error:
                    raise StacApiError(
                        f"The STAC API {url} gave a page that does not follow STAC, after "
                        f"{self.read} items ({error!r}): please report that to its operator."
                    ) from error
                if follows is not None and follows == followed:
                    raise StacApiError(
                        f"The STAC API {url} gives the same page again, after {self.read} of "
                        f"{matched or 'an unknown number of'} items: please report that to its "
                        "operator."
                    )
                followed = follows
                self.matched = None if before is None or matched is None else before + matched
                items.reverse()
                while items:  # emptied as it goes, so that no two pages are held
                    self.read += 1
                    yield items.pop()
                if progress is not None:
                    total = self.matched
                    progress(Progress(stage="reading the STAC API", done=self.read, total=total))
            before = self.matched if matched is not None else before


def _href(link: pystac.Link | None, default: str) -> str:
    href = None if link is None else link.get_absolute_href()
    return (href or default).rstrip("/")


def _halves(box: Box | None) -> list[Box | None]:
    if box is None:
        return [box]
    box = _without_exponents(box)
    if box[0] <= box[2]:
        return [box]
    west, south, east, north = box
    return [(west, south, 180.0, north), (-180.0, south, east, north)]


def _datetime(interval: Interval) -> str | None:
    """The interval as STAC's ``datetime``; None if it is open on both sides."""
    if interval == (None, None):
        return None
    ends = whole_seconds(interval)
    return "/".join(time_text(one) or ".." for one in ends)


def _without_exponents(box: Box) -> Box:
    """The box, a little larger where a number would be written with an exponent.

    As ``1e-05``, in JSON and in what services make of it: CMR, behind NASA's API, has none.
    """
    west, south, east, north = (
        round_to(number * 1e4) / 1e4 if "e" in repr(number) else number
        for number, round_to in zip(box, (floor, floor, ceil, ceil), strict=True)
    )
    return west, south, east, north


def _matched(page: dict[str, Any]) -> int | None:
    """Number of items that a search finds, from a page: STAC API 1.0, or the older extension."""
    context = page.get("context")
    found = page.get(
        "numberMatched", context.get("matched") if isinstance(context, dict) else None
    )
    return found if isinstance(found, int) else None


def _next(page: dict[str, Any]) -> tuple[Any, Any] | None:
    """URL of the next page, and the body to send there; None after the last one."""
    for link in page.get("links") or ():
        if isinstance(link, dict) and link.get("rel") == "next":
            return link.get("href"), link.get("body")
    return None
