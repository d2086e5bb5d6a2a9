"""The reference set of a granule's beam, found through its item and read once."""

from __future__ import annotations

import posixpath
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from catalog_builder.beams.planned_beam import found_wrong
from catalog_builder.beams.references import BeamReferences
from catalog_builder.catalog.address import Address
from catalog_builder.forks import Lock

KEPT: Final = 24
"""Reference sets kept in memory: those of four granules, a few MB at most."""

_kept: Final[OrderedDict[tuple[str, str], BeamReferences]] = OrderedDict()
_keeping: Final = Lock()


def references_href(item: Mapping[str, Any], beam: str) -> str | None:
    """What an item names as the references of a beam; relative to the item, as it stands there.

    Absolute where the item says where it lies itself.
    """
    asset = item["assets"].get(f"references_{beam}")
    if asset is None:
        return None
    href: str = asset["href"]
    own = [link["href"] for link in item.get("links", ()) if link.get("rel") == "self"]
    if is_relative(href) and own and not is_relative(own[0]):
        scheme, host, path, query, _ = urlsplit(own[0])
        path = posixpath.normpath(posixpath.join(posixpath.dirname(path), href))
        return f"{scheme}://{host}{path}" + (f"?{query}" if query else "") if scheme else path
    return href


def is_relative(href: str) -> bool:
    """Whether an address only says where something lies beside something else."""
    return "://" not in href and not posixpath.isabs(href)


def load_references(address: str | Address, name: str | None = None) -> BeamReferences:
    """Read a reference set, in one request the first time.

    ``address`` is its path or URL, or that of the folder which ``name`` is relative to. Raises
    :class:`~catalog_builder.errors.CatalogError` where it cannot be read, and
    :class:`~catalog_builder.errors.ReferencesError` where it is something else.
    """
    if name is None:
        whole = Address.parse(str(address))
        folder, _, name = whole.folder.rpartition("/")
        address = Address(folder=folder, query=whole.query, options=whole.options)
    else:
        address = Address.parse(address)
    key = address.href(name), address.query
    with _keeping:
        known = _kept.get(key)
    if known is None or found_wrong(known):
        known = BeamReferences.from_kerchunk(address.read(name))
    with _keeping:
        _kept[key] = known
        _kept.move_to_end(key)
        if len(_kept) > KEPT:
            _kept.popitem(last=False)
    return known
