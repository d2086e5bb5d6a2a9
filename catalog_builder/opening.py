"""From what names a granule, a STAC item or an address, to its photons in xarray."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from catalog_builder.beams import dataset
from catalog_builder.beams.dataset import Chunks
from catalog_builder.beams.description import GranuleDescription
from catalog_builder.beams.description import describe as describe_links
from catalog_builder.beams.links import Access, GranuleLinks
from catalog_builder.errors import AccessError
from catalog_builder.window import Moment

if TYPE_CHECKING:
    import pystac
    import xarray as xr

    Granule = pystac.Item | Mapping[str, Any] | str | os.PathLike[str]

NSIDC_CREDENTIALS: Final = "https://data.nsidc.earthdatacloud.nasa.gov/s3credentials"
"""Where keys for NSIDC's buckets come from, for an s3 address that no item goes with."""

_NSIDC_BUCKETS: Final = "nsidc-cumulus-prod-"
_ASSETS: Final = ("data", "https")
_SCHEME_FIELDS: Final = ("region", "credentials_endpoint")


def open_beam(
    item_or_href: Granule,
    beam: str,
    variables: Sequence[str] | None = None,
    bbox: Sequence[float] | str | None = None,
    datetime: Moment | Sequence[Moment] = None,
    *,
    access: Access = "auto",
) -> xr.Dataset:
    """Open one beam of a granule, in memory.

    ``item_or_href`` is a STAC item (pystac's, or its JSON as a dictionary), an ``s3://`` or
    ``https://`` address, or a path. All else is as in
    :func:`catalog_builder.beams.dataset.open_beam`.
    """
    return dataset.open_beam(links_of(item_or_href), beam, variables, bbox, datetime, access)


def open_lazy(
    item_or_href: Granule,
    beam: str,
    variables: Sequence[str] | None = None,
    bbox: Sequence[float] | str | None = None,
    datetime: Moment | Sequence[Moment] = None,
    *,
    access: Access = "auto",
    chunks: Chunks = "auto",
) -> xr.Dataset:
    """Open one beam as dask arrays: each task opens the granule, and logs in, by itself.

    ``chunks`` is photons a task, or ``auto``. With a ``bbox`` or ``datetime`` the photons are
    chosen now, and read when computed. All else is as in :func:`open_beam`.
    """
    links = links_of(item_or_href)
    return dataset.open_beam(links, beam, variables, bbox, datetime, access, chunks)


def open_granule(
    item_or_href: Granule,
    beams: Sequence[str] | None = None,
    variables: Sequence[str] | None = None,
    bbox: Sequence[float] | str | None = None,
    datetime: Moment | Sequence[Moment] = None,
    *,
    access: Access = "auto",
    chunks: Chunks = None,
) -> xr.DataTree:
    """Open all beams of a granule, or those named, as a tree with one node a beam.

    As :func:`catalog_builder.beams.dataset.open_granule`; ``item_or_href`` as in
    :func:`open_beam`.
    """
    links = links_of(item_or_href)
    return dataset.open_granule(links, beams, variables, bbox, datetime, access, chunks)


def describe(item_or_href: Granule, *, access: Access = "auto") -> GranuleDescription:
    """What a granule holds, from its file's metadata; ``item_or_href`` as in :func:`open_beam`."""
    return describe_links(links_of(item_or_href), access)


def links_of(item_or_href: Granule) -> GranuleLinks:
    """Where a granule can be read.

    Of an item: the assets ``data`` and ``https``, the bucket's region and the credentials
    endpoint that they refer to. Raises :class:`~catalog_builder.errors.AccessError` where there
    is no address that can be read.
    """
    if isinstance(item_or_href, (str, os.PathLike)):
        return GranuleLinks(**_address(os.fspath(item_or_href)))
    item = item_or_href if isinstance(item_or_href, Mapping) else _plain(item_or_href)
    assets = [item["assets"][key] for key in _ASSETS if key in item["assets"]]
    if not assets:
        raise AccessError(
            f"Item {item.get('id')} has none of the assets {' and '.join(_ASSETS)}: "
            f"it has {', '.join(item['assets']) or 'none'}."
        )
    known: dict[str, Any] = {}
    for asset in assets:
        known |= _address(asset["href"])
        for scheme in (*_schemes(item, asset, "storage"), *_schemes(item, asset, "auth")):
            known |= {name: scheme[name] for name in _SCHEME_FIELDS if name in scheme}
        if "file:checksum" in asset:
            known["checksum"] = asset["file:checksum"]
    return GranuleLinks(**known)


def _plain(item: pystac.Item) -> dict[str, Any]:
    """What matters here of an item as its JSON has it, addresses absolute."""
    assets = {
        key: {**asset.to_dict(), "href": asset.get_absolute_href() or asset.href}
        for key, asset in item.assets.items()
    }
    return {"id": item.id, "properties": item.properties, "assets": assets}


def _address(href: str) -> dict[str, str]:
    """A place to read from, as fields of :class:`GranuleLinks`."""
    parts = urlsplit(href)
    if parts.scheme == "s3":
        known = parts.netloc.startswith(_NSIDC_BUCKETS)
        return {"s3": href, **({"credentials_endpoint": NSIDC_CREDENTIALS} if known else {})}
    if parts.scheme in ("https", "http"):
        return {"https": href}
    if parts.scheme == "file":
        return {"local": unquote(parts.path)}
    if "://" in href:
        raise AccessError(f"{href} cannot be read: give an s3://, https:// or file path.")
    return {"local": href}


def _schemes(
    item: Mapping[str, Any], asset: Mapping[str, Any], extension: str
) -> list[Mapping[str, Any]]:
    """The storage or authentication schemes that the asset refers to."""
    schemes = item["properties"].get(f"{extension}:schemes", {})
    return [schemes[name] for name in asset.get(f"{extension}:refs", ()) if name in schemes]
