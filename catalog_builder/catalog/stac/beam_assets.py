"""What an item says of its granule's beams once they were indexed.

An asset for each beam's reference set, and the properties ``icesat2:beams`` and
``icesat2:sc_orient``. They come last in their objects, so that an item with them has the same
bytes whether it was indexed just now or built again since.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import orjson

from catalog_builder.atl03 import BEAMS, Beam, GranuleName
from catalog_builder.catalog.stac.item import Item, references_asset, references_key
from catalog_builder.catalog.stac.layout import is_reference, references_path

if TYPE_CHECKING:
    from catalog_builder.catalog.build.publish import PublishedFolder

BEAM_FACTS: Final = "icesat2:beams"
"""Property with what is known of each beam: strength, spot, photons, track."""

ORIENTATION: Final = "icesat2:sc_orient"
"""Property with the spacecraft's orientation: 0 backward, 1 forward, 2 transition."""

_FILE_FACTS: Final = ("href", "file:size", "file:checksum")


def add_references(
    item: Item,
    path: str,
    *,
    sizes: Mapping[Beam, int],
    beams: Mapping[Beam, Mapping[str, Any]],
    orientation: int | None,
) -> None:
    """Say in the item at a path which reference sets there are, and what of its beams is known.

    ``sizes`` are the bytes of the reference sets. What the item said of them before is forgotten.
    """
    for beam in BEAMS:
        item["assets"].pop(references_key(beam), None)
    for key in (BEAM_FACTS, ORIENTATION):
        item["properties"].pop(key, None)
    name = GranuleName.parse(item["id"])
    for beam in BEAMS:
        if beam in sizes:
            place = references_path(path.partition("/")[0], name, beam)
            item["assets"][references_key(beam)] = {
                "href": posixpath.relpath(place, posixpath.dirname(path)),
                **references_asset(beam),
                "file:size": sizes[beam],
            }
    item["properties"][BEAM_FACTS] = {beam: beams[beam] for beam in BEAMS if beam in beams}
    if orientation is not None:
        item["properties"][ORIENTATION] = orientation


def photons_of(item: Mapping[str, Any]) -> dict[Beam, int]:
    """How many photons each beam of the granule holds; empty where it was not indexed."""
    facts = item["properties"].get(BEAM_FACTS) or {}
    return {beam: facts[beam]["photons"] for beam in BEAMS if beam in facts}


def references_of(item: Mapping[str, Any], path: str) -> dict[Beam, tuple[str, int | None]]:
    """Path and size of the reference set of each beam, as the item at a path has them."""
    found: dict[Beam, tuple[str, int | None]] = {}
    for beam in BEAMS:
        asset = item["assets"].get(references_key(beam))
        if asset is not None:
            place = posixpath.normpath(posixpath.join(posixpath.dirname(path), asset["href"]))
            found[beam] = place, asset.get("file:size")
    return found


def indexed_beams(folder: PublishedFolder, path: str, item: Mapping[str, Any]) -> tuple[Beam, ...]:
    """Beams of the item at a path that have references; none unless all those sets are there."""
    if BEAM_FACTS not in item["properties"]:
        return ()
    found = references_of(item, path)
    whole = all(
        size is not None and is_reference(file) and folder.size(file) == size
        for file, size in found.values()
    )
    return tuple(found) if whole else ()


def carry_over(
    folder: PublishedFolder, path: str, item: Item, published: bytes
) -> tuple[Beam, ...]:
    """Give a new item what the published one at its path says of the beams.

    Only where the granule's file is the same, and its reference sets are there. Returns the beams
    that have references then.
    """
    if BEAM_FACTS.encode() not in published:
        return ()
    try:
        old = orjson.loads(published)
        beams = indexed_beams(folder, path, old) if _file(old) == _file(item) else ()
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        return ()  # whoever damaged it: it is written anew
    if beams:
        for beam in beams:
            item["assets"][references_key(beam)] = old["assets"][references_key(beam)]
        for key in (BEAM_FACTS, ORIENTATION):
            if key in old["properties"]:
                item["properties"][key] = old["properties"][key]
    return beams


def _file(item: Mapping[str, Any]) -> tuple[Any, ...]:
    """What tells one version of a granule's file from another.

    CMR revises records whose files stay as they are, so that the revision counts only where a
    record has neither size nor checksum.
    """
    properties = item["properties"]
    facts = [
        item["assets"].get(key, {}).get(fact) for key in ("data", "https") for fact in _FILE_FACTS
    ]
    told = any(fact in item["assets"].get("data", {}) for fact in ("file:size", "file:checksum"))
    revision = None if told else properties["cmr:revision_id"]
    return properties["cmr:concept_id"], properties.get("processing:datetime"), revision, *facts
