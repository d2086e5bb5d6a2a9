"""The forms in which other tools hand out granules, as items or addresses; nothing is opened.

A record of CMR (UMM-G, as a granule of earthaccess is one), an item of another catalog, a file
that fsspec has opened, a store of obstore with a path in it. They are known by what they have, so
that none of these tools is imported.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any, Final

from catalog_builder.catalog.stac.record_links import granule_links
from catalog_builder.errors import AccessError, ProductError
from catalog_builder.products.granule_name import GranuleName

ASSETS: Final = ("data", "https")
"""Keys of our own items: the address on S3, and the one to download from."""

_S3_TYPE, _WEB_TYPE = "GET DATA VIA DIRECT ACCESS", "GET DATA"


def in_own_form(value: Any) -> Any:
    """The value as an item or an address, if it has one of these forms; else as it is.

    Raises :class:`~catalog_builder.errors.AccessError` for a record without a link to its data.
    """
    if isinstance(value, Mapping):
        record = value.get("umm", value)
        if isinstance(record, Mapping) and "RelatedUrls" in record:
            return _item_of(record)
        return value
    if isinstance(value, str | os.PathLike):
        return value
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], str):
        return _address_in(*value)
    # A file of fsspec, opened or not; local ones have only a path.
    for name in ("full_name", "path"):
        address = getattr(value, name, None)
        if isinstance(address, str) and hasattr(value, "fs"):
            return address
    return value


def data_assets(item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The assets that are the granule, on S3 and to download, under whichever keys.

    Our own keys count where an item has them. Else those whose addresses end in ``.h5``, on S3 in
    a bucket that is not public: there lie side files.
    """
    assets: Mapping[str, Any] = item["assets"]
    named = (assets.get(key) for key in ASSETS)
    if own := [asset for asset in named if isinstance(asset, Mapping)]:
        return own
    found: dict[str, Mapping[str, Any]] = {}
    for asset in assets.values():
        href = asset.get("href") if isinstance(asset, Mapping) else None
        if isinstance(href, str):
            for name in _links([(_S3_TYPE, href), (_WEB_TYPE, href)]):
                found.setdefault(name, asset)
    return [*found.values()]


def _links(related: list[tuple[str, str]]) -> dict[str, str]:
    from catalog_builder.catalog.cmr.umm_g import RelatedUrl  # beams of a catalog need none

    return granule_links(RelatedUrl(url=url, type=kind) for kind, url in related)


def _item_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """What is needed of an item, from a record of CMR."""
    listed = record["RelatedUrls"]
    related = [
        (str(one.get("Type")), str(one.get("URL")))
        for one in (listed if isinstance(listed, Sequence) else ())
        if isinstance(one, Mapping)
    ]
    links = _links(related)
    found = {"data": links.get("s3_href"), "https": links.get("https_href")}
    hrefs = {key: href for key, href in found.items() if href is not None}
    if not hrefs:
        raise AccessError(
            f"The record {record.get('GranuleUR')} has no link to the granule: none of "
            f"{_WEB_TYPE} or {_S3_TYPE} that ends in .h5."
        )
    try:
        name = GranuleName.parse(next(iter(hrefs.values()))).id
    except ProductError:
        name = str(record.get("GranuleUR"))
    assets = {key: {"href": href} for key, href in hrefs.items()}
    return {"id": name, "properties": {}, "assets": assets, "links": []}


def _address_in(store: Any, path: str) -> Any:
    """The address of a path in a store of obstore; a pair of anything else as it is."""
    prefix = str(getattr(store, "prefix", None) or "").strip("/")
    inside = "/".join(part for part in (prefix, path.lstrip("/")) if part)
    config = getattr(store, "config", None)
    if isinstance(config, Mapping) and isinstance(bucket := config.get("bucket"), str):
        return f"s3://{bucket}/{inside}"
    url = getattr(store, "url", None)
    if isinstance(url, str):
        return f"{url.rstrip('/')}/{path.lstrip('/')}"
    folder = getattr(store, "prefix", None)
    return str(folder / path) if isinstance(folder, PurePath) else (store, path)
