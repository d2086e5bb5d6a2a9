"""Chooses the links of a record that a granule keeps: data, metadata and browse image."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from catalog_builder.catalog.cmr.umm_g import RelatedUrl

_PICTURE: Final = re.compile(
    r"https?://[^/?#]*/[^?#]*\.(?:jpe?g|png)(?:[?#].*)?", re.IGNORECASE | re.DOTALL
)


def _is_iso(url: str) -> bool:
    return url.endswith(".iso.xml")


def _is_s3(url: str) -> bool:
    """True for the granule itself: records also link to side files in buckets ``...-public``."""
    scheme, _, rest = url.partition("://")
    bucket = rest.partition("/")[0]
    return scheme.lower() == "s3" and url.endswith(".h5") and not bucket.endswith("-public")


def _is_download(url: str) -> bool:
    return url[:8].lower().startswith(("https://", "http://")) and url.endswith(".h5")


def _is_picture(url: str) -> bool:
    return _PICTURE.fullmatch(url) is not None


class _Link(NamedTuple):
    """A kind of link that is kept."""

    field: str
    """Field of ``Granule`` that it is stored in."""
    fits: Callable[[str], bool]
    """True if an address is such a link."""


_LINKS: Final = {
    "GET DATA VIA DIRECT ACCESS": _Link("s3_href", _is_s3),
    "GET DATA": _Link("https_href", _is_download),
    "VIEW RELATED INFORMATION": _Link("metadata_href", _is_iso),
    "GET RELATED VISUALIZATION": _Link("thumbnail_href", _is_picture),
}
"""Kinds of links by ``RelatedUrls/Type``."""

NO_LINKS: Final = dict.fromkeys(kind.field for kind in _LINKS.values())
"""The fields for links, each None."""


def granule_links(related: Iterable[RelatedUrl]) -> dict[str, str]:
    """The first link of each kind, by the name of its field in ``Granule``."""
    found: dict[str, str] = {}
    for link in related:
        kind = _LINKS.get(link.type or "")
        if kind is not None:
            name, fits = kind
            if name not in found and fits(link.url):
                found[name] = link.url
    return found
