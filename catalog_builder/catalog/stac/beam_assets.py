"""Beam assets: the fields that indexing adds to a granule's item.

These are the asset of the reference file, and the properties ``icesat2:beams`` and
``icesat2:sc_orient``. They come last in their objects, so that an item has the same bytes after
indexing and after a later build.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from catalog_builder.catalog.stac.layout import (
    PLAIN_REFERENCES,
    REFERENCE_KEYS,
    REFERENCES,
    references_path,
)
from catalog_builder.products.atl03 import BEAMS, Beam
from catalog_builder.products.granule_name import GranuleName

if TYPE_CHECKING:
    from catalog_builder.catalog.stac.item import Item

BEAM_FACTS: Final = "icesat2:beams"
"""Property with the facts of each beam: strength, spot, photons, track, and in ``references`` the
offset, length and crc32 of its frame in the reference file."""

ORIENTATION: Final = "icesat2:sc_orient"
"""Property with the spacecraft's orientation: 0 backward, 1 forward, 2 transition."""


def add_references(
    item: Item,
    path: str,
    *,
    size: int,
    beams: Mapping[Beam, Mapping[str, Any]],
    orientation: int | None,
    plain_size: int | None = None,
) -> None:
    """Add the beam assets and properties to the item at a path, in place of older ones.

    ``size`` is that of the reference file in bytes, ``plain_size`` that of the plain one, if any;
    ``beams`` the facts of each beam, and ``orientation`` is ``sc_orient``.
    """
    from catalog_builder.catalog.stac.item import REFERENCES_ASSET

    for key in REFERENCE_KEYS:
        item["assets"].pop(key, None)
    for key in (BEAM_FACTS, ORIENTATION):
        item["properties"].pop(key, None)
    file = references_path(path.partition("/")[0], GranuleName.parse(item["id"]))
    item["assets"][REFERENCES] = {
        "href": posixpath.relpath(file, posixpath.dirname(path)),
        **REFERENCES_ASSET,
        "file:size": size,
    }
    if plain_size is not None:
        add_plain_references(item, path, plain_size)
    item["properties"][BEAM_FACTS] = {beam: beams[beam] for beam in BEAMS if beam in beams}
    if orientation is not None:
        item["properties"][ORIENTATION] = orientation


def add_plain_references(item: Item, path: str, size: int) -> None:
    """Add the asset of the plain reference file, of so many bytes, to the item at a path."""
    from catalog_builder.catalog.stac.item import PLAIN_REFERENCES_ASSET

    name = GranuleName.parse(item["id"])
    file = references_path(path.partition("/")[0], name, PLAIN_REFERENCES)
    item["assets"][PLAIN_REFERENCES] = {
        "href": posixpath.relpath(file, posixpath.dirname(path)),
        **PLAIN_REFERENCES_ASSET,
        "file:size": size,
    }


def photons_of(item: Mapping[str, Any]) -> dict[Beam, int]:
    """Number of photons of each beam; empty if the granule was not indexed."""
    facts = item["properties"].get(BEAM_FACTS) or {}
    return {beam: facts[beam]["photons"] for beam in BEAMS if beam in facts}


def frames_of(item: Mapping[str, Any]) -> dict[Beam, Any]:
    """Offset, length and crc32 of each beam's frame in the reference file, unchecked."""
    facts = item["properties"].get(BEAM_FACTS) or {}
    return {
        beam: facts[beam]["references"]
        for beam in BEAMS
        if isinstance(facts.get(beam), Mapping) and "references" in facts[beam]
    }


def references_of(item: Mapping[str, Any], path: str) -> dict[str, tuple[str, int | None]]:
    """Path and size in bytes of each reference file that the item at a path names, by its key.

    The file of all beams is ``references``; those of layout 1 are ``references_gt1l``, ...
    """
    found: dict[str, tuple[str, int | None]] = {}
    for key in REFERENCE_KEYS:
        asset = item["assets"].get(key)
        if asset is not None:
            file = posixpath.normpath(posixpath.join(posixpath.dirname(path), asset["href"]))
            found[key] = file, asset.get("file:size")
    return found
