"""Beam assets: what an item holds of its granule's beams after the granule was indexed.

One asset for each beam's reference set, and the properties ``icesat2:beams`` and
``icesat2:sc_orient``. They come last in their objects, so that an item has the same bytes after
indexing and after a later build.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from catalog_builder.atl03 import BEAMS, Beam, GranuleName
from catalog_builder.catalog.stac.item import references_asset, references_key
from catalog_builder.catalog.stac.layout import references_path

if TYPE_CHECKING:
    from catalog_builder.catalog.stac.item import Item

BEAM_FACTS: Final = "icesat2:beams"
"""Property with the facts of each beam: strength, spot, photons, track."""

ORIENTATION: Final = "icesat2:sc_orient"
"""Property with the spacecraft's orientation: 0 backward, 1 forward, 2 transition."""


def add_references(
    item: Item,
    path: str,
    *,
    sizes: Mapping[Beam, int],
    beams: Mapping[Beam, Mapping[str, Any]],
    orientation: int | None,
) -> None:
    """Put the beam assets and properties into the item at a path; older ones are replaced.

    ``sizes`` are the sizes of the reference sets in bytes, ``beams`` the facts of each beam, and
    ``orientation`` is ``sc_orient``.
    """
    for beam in BEAMS:
        item["assets"].pop(references_key(beam), None)
    for key in (BEAM_FACTS, ORIENTATION):
        item["properties"].pop(key, None)
    name = GranuleName.parse(item["id"])
    for beam in BEAMS:
        if beam in sizes:
            file = references_path(path.partition("/")[0], name, beam)
            item["assets"][references_key(beam)] = {
                "href": posixpath.relpath(file, posixpath.dirname(path)),
                **references_asset(beam),
                "file:size": sizes[beam],
            }
    item["properties"][BEAM_FACTS] = {beam: beams[beam] for beam in BEAMS if beam in beams}
    if orientation is not None:
        item["properties"][ORIENTATION] = orientation


def photons_of(item: Mapping[str, Any]) -> dict[Beam, int]:
    """Number of photons of each beam; empty if the granule was not indexed."""
    facts = item["properties"].get(BEAM_FACTS) or {}
    return {beam: facts[beam]["photons"] for beam in BEAMS if beam in facts}


def references_of(item: Mapping[str, Any], path: str) -> dict[Beam, tuple[str, int | None]]:
    """Path and size in bytes of each reference set that the item at a path names."""
    found: dict[Beam, tuple[str, int | None]] = {}
    for beam in BEAMS:
        asset = item["assets"].get(references_key(beam))
        if asset is not None:
            file = posixpath.normpath(posixpath.join(posixpath.dirname(path), asset["href"]))
            found[beam] = file, asset.get("file:size")
    return found
