"""From what names a granule, a STAC item or an address, to its photons in xarray."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

from catalog_builder.atl03 import BEAMS
from catalog_builder.beams import dataset, granule_tree
from catalog_builder.beams.description import GranuleDescription
from catalog_builder.beams.description import describe as describe_links
from catalog_builder.beams.lazy import Chunks
from catalog_builder.beams.read.rejected_references import warn_without_references
from catalog_builder.beams.references.reference_set import BeamReferences, GranuleReferences
from catalog_builder.beams.storage.links import Access, GranuleLinks
from catalog_builder.catalog.index.lookup import document_of
from catalog_builder.catalog.stac.beam_assets import photons_of
from catalog_builder.errors import AccessError, CatalogError, ReferencesError
from catalog_builder.geo.window import Moment
from catalog_builder.transport.location import Location, is_relative

if TYPE_CHECKING:
    import pystac
    import xarray as xr

    from catalog_builder.catalog.index.catalog_location import Address

    Granule = pystac.Item | Mapping[str, Any] | str | os.PathLike[str]
    References = BeamReferences | str | os.PathLike[str] | Literal[False] | None

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
    references: References = None,
    access: Access = "auto",
) -> xr.Dataset:
    """Open one beam of a granule, in memory.

    ``item_or_href`` is a STAC item (pystac's, or its JSON as a dictionary), an ``s3://`` or
    ``https://`` address, or a path.

    ``references`` lead to the beam's bytes without a look at the rest of the file: those that
    the item names (None), those at a path or URL, or a loaded set; False reads without. Where
    they cannot be used, a :class:`~catalog_builder.errors.ReferencesWarning` says so, and h5py
    reads the same Dataset; only a path or URL of one's own that leads to none raises
    :class:`~catalog_builder.errors.CatalogError` or
    :class:`~catalog_builder.errors.ReferencesError`.

    All else is as in :func:`catalog_builder.beams.dataset.open_beam`.
    """
    return dataset.open_beam(
        links_of(item_or_href),
        beam,
        variables,
        bbox,
        datetime,
        access,
        references=find_references(item_or_href, beam, references),
    )


def open_lazy(
    item_or_href: Granule,
    beam: str,
    variables: Sequence[str] | None = None,
    bbox: Sequence[float] | str | None = None,
    datetime: Moment | Sequence[Moment] = None,
    references: References = None,
    access: Access = "auto",
    chunks: Chunks = "auto",
) -> xr.Dataset:
    """Open one beam as dask arrays: each task reads its own photons, and logs in, by itself.

    ``chunks`` is photons a task, or ``auto``. With a ``bbox`` or ``datetime`` the photons are
    chosen now, and read when computed. All else is as in :func:`open_beam`; with ``references``
    and neither of the two nothing of the granule is read before it is computed.
    """
    links, known = links_of(item_or_href), find_references(item_or_href, beam, references)
    return dataset.open_beam(links, beam, variables, bbox, datetime, access, chunks, known)


def open_granule(
    item_or_href: Granule,
    beams: Sequence[str] | None = None,
    variables: Sequence[str] | None = None,
    bbox: Sequence[float] | str | None = None,
    datetime: Moment | Sequence[Moment] = None,
    *,
    references: Literal[False] | None = None,
    access: Access = "auto",
    chunks: Chunks = None,
) -> xr.DataTree:
    """Open all beams of a granule, or those named, as a tree with one node a beam.

    As :func:`catalog_builder.beams.granule_tree.open_granule`; ``item_or_href`` as in
    :func:`open_beam`. Beams are read by the references that the item names, where it does and
    they are not False.
    """
    names = [beams] if isinstance(beams, str) else beams
    return granule_tree.open_granule(
        links_of(item_or_href),
        names,
        variables,
        bbox,
        datetime,
        access,
        chunks,
        None if references is False else find_granule_references(item_or_href, names),
    )


def describe(item_or_href: Granule, *, access: Access = "auto") -> GranuleDescription:
    """What a granule holds, from its file's metadata; ``item_or_href`` as in :func:`open_beam`."""
    return describe_links(links_of(item_or_href), access)


def find_references(
    item_or_href: Granule, beam: str, references: References, catalog: Address | None = None
) -> BeamReferences | None:
    """The references to open a beam by, as :func:`open_beam` tells; None for none.

    ``catalog`` is where the catalog lies that the item, a dictionary, comes from: of one that
    does not say where it lies itself, relative addresses lead nowhere else.
    """
    from catalog_builder.opening.reference_cache import load_named, load_references

    if references is False or isinstance(references, BeamReferences):
        return references or None
    if references is not None:
        return load_references(os.fspath(references))
    if isinstance(item_or_href, (str, os.PathLike)):
        return None
    item = as_mapping(item_or_href)
    try:
        return load_named(item, beam, document_of(item, catalog), catalog)
    except (CatalogError, ReferencesError) as error:
        warn_without_references(error)
    return None


def find_granule_references(
    item_or_href: Granule, beams: Sequence[str] | None = None, catalog: Address | None = None
) -> GranuleReferences | None:
    """The references of those beams of a granule that are named, or of all that hold photons.

    None where the item has not those of every one. ``catalog`` as in :func:`find_references`.
    """
    if isinstance(item_or_href, (str, os.PathLike)):
        return None
    item = as_mapping(item_or_href)
    photons = photons_of(item)
    wanted = [beam for beam, count in photons.items() if count and beam in (beams or BEAMS)]
    with ThreadPoolExecutor(len(BEAMS)) as pool:
        found = list(pool.map(lambda beam: find_references(item, beam, None, catalog), wanted))
    known = {beam: one for beam, one in zip(wanted, found, strict=True) if one is not None}
    if not wanted or len(known) < len(wanted):
        return None
    empty = tuple(beam for beam, count in photons.items() if not count)
    return GranuleReferences(beams=known, empty=empty)


def links_of(item_or_href: Granule, catalog: Address | None = None) -> GranuleLinks:
    """Where a granule can be read.

    Of an item: the assets ``data`` and ``https``, the bucket's region and the credentials
    endpoint that they refer to. ``catalog`` as in :func:`find_references`. Raises
    :class:`~catalog_builder.errors.AccessError` where there is no address that can be read, and
    :class:`~catalog_builder.errors.AddressError` for one that is not opened: of another protocol,
    or a file of this machine that an item from the network names.
    """
    if isinstance(item_or_href, (str, os.PathLike)):
        return GranuleLinks(**_fields(Location.parse(item_or_href)))
    item = as_mapping(item_or_href)
    document = document_of(item, catalog)
    assets = [item["assets"][key] for key in _ASSETS if key in item["assets"]]
    if not assets:
        raise AccessError(
            f"Item {item.get('id')} has none of the assets {' and '.join(_ASSETS)}: "
            f"it has {', '.join(item['assets']) or 'none'}."
        )
    known: dict[str, Any] = {}
    for asset in assets:
        known |= _fields(_asset_location(asset.get("href"), document))
        for scheme in (*_schemes(item, asset, "storage"), *_schemes(item, asset, "auth")):
            known |= {name: scheme[name] for name in _SCHEME_FIELDS if name in scheme}
        if "file:checksum" in asset:
            known["checksum"] = asset["file:checksum"]
    return GranuleLinks(**known)


def as_mapping(item: pystac.Item | Mapping[str, Any]) -> Mapping[str, Any]:
    """What matters here of an item, as its JSON has it."""
    if isinstance(item, Mapping):
        return item
    assets = {key: asset.to_dict() for key, asset in item.assets.items()}
    own = item.get_self_href()
    links = [{"rel": "self", "href": own}] if own else []
    return {"id": item.id, "properties": item.properties, "assets": assets, "links": links}


def _asset_location(href: Any, document: str | None) -> Location:
    """Where an asset lies; a relative address of an item of unknown origin stays as it is."""
    if document is None and isinstance(href, str) and is_relative(href) and "::" not in href:
        return Location.parse(href)
    return Location.parse(href, named_by=document or "/")


def _fields(location: Location) -> dict[str, str]:
    """A place to read from, as fields of :class:`GranuleLinks`."""
    href = location.address
    if location.protocol == "s3":
        known = urlsplit(href).netloc.startswith(_NSIDC_BUCKETS)
        return {"s3": href, **({"credentials_endpoint": NSIDC_CREDENTIALS} if known else {})}
    return {"local" if location.is_local else "https": href}


def _schemes(
    item: Mapping[str, Any], asset: Mapping[str, Any], extension: str
) -> list[Mapping[str, Any]]:
    """The storage or authentication schemes that the asset refers to."""
    schemes = item["properties"].get(f"{extension}:schemes", {})
    return [schemes[name] for name in asset.get(f"{extension}:refs", ()) if name in schemes]
