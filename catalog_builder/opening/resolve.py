"""Resolves an item or an address into what is known of a granule before it is opened."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, cast
from urllib.parse import urlsplit

from catalog_builder.beams.read.rejected_references import warn_without_references
from catalog_builder.beams.references.frames import Frame
from catalog_builder.beams.references.granule_references import GranuleReferences
from catalog_builder.beams.references.reference_set import BeamReferences
from catalog_builder.beams.storage.chunk_cache import CacheOption
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.catalog.index.published_item import PublishedItem, document_of
from catalog_builder.catalog.stac.beam_assets import frames_of, photons_of
from catalog_builder.catalog.stac.item_shape import require_shape
from catalog_builder.catalog.stac.layout import REFERENCES
from catalog_builder.errors import AccessError, CatalogError, RecordError, ReferencesError
from catalog_builder.opening.granule_forms import ASSETS, data_assets, in_own_form
from catalog_builder.opening.reference_cache import (
    ReferencePlace,
    fetch_frames,
    load_references,
)
from catalog_builder.products.atl03 import BEAMS, Beam, is_beam
from catalog_builder.transport.location import Location, is_relative

if TYPE_CHECKING:
    import pystac

    from catalog_builder.catalog.index.catalog_location import CatalogLocation

    Item = pystac.Item | Mapping[str, Any]
    References = BeamReferences | str | os.PathLike[str] | Literal[False] | None

NSIDC_CREDENTIALS: Final = "https://data.nsidc.earthdatacloud.nasa.gov/s3credentials"
"""Where keys for NSIDC's buckets come from, for an s3 address that no item goes with."""

_NSIDC_BUCKETS: Final = "nsidc-cumulus-prod-"
_SCHEME_FIELDS: Final = ("region", "credentials_endpoint")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ResolvedGranule:
    """A granule as its item or its address describes it; nothing of it has been read."""

    id: str | None
    """The item's id; None for an address."""
    links: GranuleLinks
    """Where it can be read."""
    _item: Mapping[str, Any] | None = field(default=None, repr=False)
    """The members of the item that are used here; None for an address."""
    _document: str | None = field(default=None, repr=False)
    """Path or URL of the item, which relative addresses start from; None where not known."""
    _catalog: CatalogLocation | None = field(default=None, repr=False)
    """The catalog that the item comes from."""

    def sibling(self, product: str) -> Item:
        """The item of another product that its catalog pairs with it.

        Raises as :func:`~catalog_builder.siblings.pairs.sibling_of` does.
        """
        from catalog_builder.siblings.pairs import sibling_of

        assert self._item is not None
        return sibling_of(self._item, product, self._catalog)

    @property
    def photons(self) -> dict[Beam, int]:
        """Photons of each beam; empty where the granule was not indexed, or is an address."""
        return {} if self._item is None else photons_of(self._item)

    def has_references(self, beam: str) -> bool:
        """Whether the item names references of this beam."""
        if self._asset(REFERENCES) is not None and self._item is not None:
            return beam in frames_of(self._item)
        return is_beam(beam) and self._asset(f"{REFERENCES}_{beam}") is not None

    def beam_references(self, beam: str, references: References = None) -> BeamReferences | None:
        """Load the references to read a beam by; None to read it without.

        ``references`` is as in :func:`~catalog_builder.opening.one_granule.open_beam`. Those that
        the item names and that cannot be used give a
        :class:`~catalog_builder.errors.ReferencesWarning`. Raises
        :class:`~catalog_builder.errors.CatalogError` or
        :class:`~catalog_builder.errors.ReferencesError` for a path or URL in ``references``.
        """
        if references is False or isinstance(references, BeamReferences):
            return references or None
        if not is_beam(beam):
            return None  # h5py says which beams there are
        if references is not None:
            path = os.fspath(references)
            # Which file it is, is the user's choice, over links too.
            return load_references(path if "://" in path else os.path.realpath(path), beam)
        if not self.has_references(beam):
            return None
        try:
            return self._fetch([beam])().get(beam)
        except (CatalogError, ReferencesError) as error:
            warn_without_references(error)
        return None

    def granule_references(
        self, beams: Sequence[str] | None = None, cache: CacheOption = None
    ) -> GranuleReferences | None:
        """Load the references of the beams named, by default of all that hold photons.

        In one request. None unless the item has those of every one; those that cannot be used
        give a warning, as in :meth:`beam_references`.
        """
        if not all(map(self.has_references, self._with_photons(beams))):
            return None
        try:
            return self.load_all(beams, cache)
        except (CatalogError, ReferencesError) as error:
            warn_without_references(error)
        return None

    def load_all(
        self, beams: Sequence[str] | None = None, cache: CacheOption = None
    ) -> GranuleReferences | None:
        """As :meth:`granule_references`, but errors are raised; ``cache`` keeps what is loaded."""
        return self.fetch_all(beams, cache)()

    def fetch_all(
        self, beams: Sequence[str] | None = None, cache: CacheOption = None
    ) -> Callable[[], GranuleReferences | None]:
        """As :meth:`load_all`, but what is returned unpacks them when it is called."""
        wanted = self._with_photons(beams)
        fetched = self._fetch(wanted, cache)

        def unpack() -> GranuleReferences | None:
            known = fetched()
            if not wanted or len(known) < len(wanted):
                return None
            empty = tuple(beam for beam, count in self.photons.items() if not count)
            return GranuleReferences(beams=known, empty=empty)

        return unpack

    def _with_photons(self, beams: Sequence[str] | None) -> list[Beam]:
        """The beams that hold photons, among those named."""
        return [b for b, count in self.photons.items() if count and b in (beams or BEAMS)]

    def _fetch(
        self, beams: Sequence[Beam], cache: CacheOption = None
    ) -> Callable[[], dict[Beam, BeamReferences]]:
        """Fetch the references that the item names of beams; the call returned unpacks them.

        They are those whose addresses lead anywhere.
        """
        if self._item is not None and (asset := self._asset(REFERENCES)) is not None:
            place = ReferencePlace.named(asset.get("href"), self._document, self._catalog)
            told = frames_of(self._item)
            frames = {beam: Frame.parse(told.get(beam)) for beam in beams}
            return dict if place is None else fetch_frames(place, frames, cache)

        def load_older(beam: Beam) -> BeamReferences | None:
            asset = self._asset(f"{REFERENCES}_{beam}") or {}
            place = ReferencePlace.named(asset.get("href"), self._document, self._catalog)
            return None if place is None else load_references(place, beam)

        with ThreadPoolExecutor(len(BEAMS)) as pool:
            loaded = zip(beams, pool.map(load_older, beams), strict=True)
            known = {beam: one for beam, one in loaded if one is not None}
        return lambda: known

    def _asset(self, key: str) -> Mapping[str, Any] | None:
        assets = {} if self._item is None else self._item["assets"]
        asset = assets.get(key)
        return asset if isinstance(asset, Mapping) else None


if TYPE_CHECKING:
    Granule = Item | str | os.PathLike[str] | ResolvedGranule


def resolve(item_or_href: Granule, catalog: CatalogLocation | None = None) -> ResolvedGranule:
    """Resolve a STAC item, an ``s3://`` or ``https://`` address, or a path; nothing is read.

    The links of an item are its assets ``data`` and ``https``, or of another catalog's item those
    that end in ``.h5``, with the bucket's region and the credentials endpoint that they refer to.
    Other forms are those of :mod:`~catalog_builder.opening.granule_forms`: records of CMR,
    granules of earthaccess, files of fsspec, a store of obstore with a path.
    ``catalog`` is where the catalog lies that an item comes from which does not say it itself:
    relative addresses of the item lead nowhere else. Items of an index say it, and what lies in
    their catalog's folder is read as the index is, by its query and ``storage_options``. What is
    resolved already is returned as it is.

    Raises :class:`~catalog_builder.errors.AccessError` where there is no address that can be
    read, :class:`~catalog_builder.errors.AddressError` for one that is not opened: of another
    protocol, or a file of this machine that an item from the network names, and
    :class:`~catalog_builder.errors.RecordError` for what is no item.
    """
    if isinstance(item_or_href, ResolvedGranule):
        return item_or_href
    item_or_href = cast("Item | str | os.PathLike[str]", in_own_form(item_or_href))
    if isinstance(item_or_href, (str, os.PathLike)):
        links = GranuleLinks(**_link_fields(Location.parse(item_or_href), own=True))
        return ResolvedGranule(id=None, links=links)
    item = as_mapping(item_or_href)
    if catalog is None and isinstance(item, PublishedItem):
        catalog = item.catalog
    document = document_of(item, catalog)
    return ResolvedGranule(
        id=item.get("id"),
        links=_item_links(item, document),
        _item=item,
        _document=document,
        _catalog=catalog,
    )


def as_mapping(item: Item) -> Mapping[str, Any]:
    """The members of an item that are used here, as its JSON has them.

    Raises :class:`~catalog_builder.errors.RecordError` where they are something else.
    """
    item = in_own_form(item)
    if isinstance(item, Mapping):
        require_shape(item)
        return item
    if not isinstance(getattr(item, "assets", None), Mapping):
        raise RecordError(
            f"A {type(item).__name__} like this is no STAC item, nor another form of a granule: a "
            "record of CMR, an address or a path."
        )
    assets = {key: asset.to_dict() for key, asset in item.assets.items()}
    own = item.get_self_href()
    links = [{"rel": "self", "href": own}] if own else []
    members = {"id": item.id, "properties": item.properties, "assets": assets, "links": links}
    require_shape(members)
    location = getattr(item, "catalog_location", None)
    return members if location is None else PublishedItem(members, own, location)


def _item_links(item: Mapping[str, Any], document: str | None) -> GranuleLinks:
    assets = data_assets(item)
    if not assets:
        raise AccessError(
            f"Item {item.get('id')} has none of the assets {' and '.join(ASSETS)}, and no other "
            f"that ends in .h5: it has {', '.join(item['assets']) or 'none'}."
        )
    fields: dict[str, Any] = {}
    for asset in assets:
        href = asset.get("href")
        # One beside its document is asked for by the query of that.
        beside = isinstance(href, str) and is_relative(href) and "?" not in href
        fields |= _link_fields(_asset_location(href, document), own=beside)
        for scheme in (*_schemes(item, asset, "storage"), *_schemes(item, asset, "auth")):
            named = {name: scheme.get(name) for name in _SCHEME_FIELDS}
            fields |= {name: text for name, text in named.items() if isinstance(text, str)}
        if "file:checksum" in asset:
            fields["checksum"] = asset["file:checksum"]
    return GranuleLinks(**fields)


def _asset_location(href: Any, document: str | None) -> Location:
    """Where an asset lies; a relative address of an item of unknown origin stays as it is."""
    if document is None and isinstance(href, str) and is_relative(href) and "::" not in href:
        return Location.parse(href)
    return Location.parse(href, named_by=document or "/")


def _link_fields(location: Location, *, own: bool) -> dict[str, Any]:
    """A place to read from, as fields of :class:`GranuleLinks`.

    ``own`` says that the query of its address is the user's, and none that an item publishes.
    """
    href = location.address
    if location.protocol == "s3":
        nsidc = urlsplit(href).netloc.startswith(_NSIDC_BUCKETS)
        return {"s3": href, **({"credentials_endpoint": NSIDC_CREDENTIALS} if nsidc else {})}
    if location.is_local:
        return {"local": href}
    bare, _, query = href.partition("?")
    return {"https": bare, "query": query} if own else {"https": href, "query": ""}


def _schemes(
    item: Mapping[str, Any], asset: Mapping[str, Any], extension: str
) -> list[Mapping[str, Any]]:
    """The storage or authentication schemes that the asset refers to."""
    schemes = item["properties"].get(f"{extension}:schemes", {})
    return [schemes[name] for name in asset.get(f"{extension}:refs", ()) if name in schemes]
