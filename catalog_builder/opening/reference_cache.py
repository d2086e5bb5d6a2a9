"""Loads reference sets of beams, each one once: the last ones stay in memory."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

from catalog_builder.beams.read.rejected_references import is_rejected
from catalog_builder.beams.references.kerchunk_reader import read_references
from catalog_builder.beams.references.reference_set import BeamReferences
from catalog_builder.catalog.index.catalog_location import CatalogLocation
from catalog_builder.errors import CatalogNotFoundError
from catalog_builder.forks import Lock
from catalog_builder.transport.file_version import FileVersion
from catalog_builder.transport.location import Location, is_relative

MOST_LOADED: Final = 24
"""Reference sets kept in memory: those of four granules, a few MB at most."""

_loaded: Final[OrderedDict[tuple[str, str], _Loaded]] = OrderedDict()
_lock: Final = Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    """A reference set, and the file it came from."""

    references: BeamReferences
    version: FileVersion
    body: bytes | None
    """The file's bytes, where its host does not tell versions apart; None where it does."""


def load_named(
    href: Any, document: str | None, catalog: CatalogLocation | None
) -> BeamReferences | None:
    """Load a reference set from the address that an item has for it.

    ``document`` is the path or URL of the item, which relative addresses start from; for an item
    without one they lead nowhere, and None is returned. What lies in ``catalog`` is read as that
    catalog is. Raises what :func:`load_references` does, and
    :class:`~catalog_builder.errors.AddressError` for an address that such a document may not name.
    """
    if document is None and isinstance(href, str) and is_relative(href) and "::" not in href:
        return None
    # An item of unknown origin is the caller's own, but no chain is taken of it either.
    location = Location.parse(href, named_by=document or "/")
    if catalog is not None and location.address.startswith(f"{catalog.folder}/"):
        name = location.address.removeprefix(f"{catalog.folder}/")
        return load_references(catalog, name if location.is_local else name.partition("?")[0])
    return load_references(location.address)


def load_references(address: str | CatalogLocation, name: str | None = None) -> BeamReferences:
    """Load a reference set: in one request the first time, later only where it was replaced.

    ``address`` is its path or URL, or that of the folder which ``name`` is relative to. Raises
    :class:`~catalog_builder.errors.CatalogError` where it cannot be read, and
    :class:`~catalog_builder.errors.ReferencesError` where it is something else.
    """
    if name is None:
        whole = CatalogLocation.parse(str(address))
        folder, _, name = whole.folder.rpartition("/")
        address = CatalogLocation(folder=folder, query=whole.query, options=whole.options)
    else:
        address = CatalogLocation.parse(address)
    key = address.href(name), address.query
    with _lock:
        known = _loaded.get(key)
    if known is None or is_rejected(known.references) or not _is_unchanged(known, address, name):
        body, version = address.read_version(name)
        known = _Loaded(
            references=read_references(body),
            version=version,
            body=None if version.is_certain else body,
        )
    with _lock:
        _loaded[key] = known
        _loaded.move_to_end(key)
        if len(_loaded) > MOST_LOADED:
            _loaded.popitem(last=False)
    return known.references


def _is_unchanged(known: _Loaded, catalog: CatalogLocation, name: str) -> bool:
    """Whether the file is still the one that was read; False also where it is gone."""
    try:
        return catalog.is_unchanged(name, known.version, known.body or b"")
    except CatalogNotFoundError:
        return False
