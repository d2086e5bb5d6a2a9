"""Published beam references: checks that an item's exist, and lets a new item keep them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import orjson

from catalog_builder.catalog.stac.beam_assets import BEAM_FACTS, ORIENTATION, references_of
from catalog_builder.catalog.stac.item import Item
from catalog_builder.catalog.stac.layout import is_reference

if TYPE_CHECKING:
    from catalog_builder.safe_folder import SafeFolder

_FILE_FACTS: Final = ("href", "file:size", "file:checksum")


def published_references(
    folder: SafeFolder, path: str, item: Mapping[str, Any]
) -> tuple[str, ...]:
    """Asset keys of the reference files of the item at a path; none if one is missing."""
    if BEAM_FACTS not in item["properties"]:
        return ()
    found = references_of(item, path)
    complete = all(
        size is not None and is_reference(file) and folder.size(file) == size
        for file, size in found.values()
    )
    return tuple(found) if complete else ()


def keep_references(
    folder: SafeFolder, path: str, item: Item, published: bytes
) -> tuple[str, ...]:
    """Copy the beam assets and properties of the published item at a path to the new item.

    This is done only if both are of the same granule file, and the reference files exist. Returns
    the keys of the assets.
    """
    if BEAM_FACTS.encode() not in published:
        return ()
    try:
        old = orjson.loads(published)
        same = _version(old) == _version(item)
        keys = published_references(folder, path, old) if same else ()
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        return ()  # the published item is damaged: it is replaced
    if keys:
        for key in keys:
            item["assets"][key] = old["assets"][key]
        for key in (BEAM_FACTS, ORIENTATION):
            if key in old["properties"]:
                item["properties"][key] = old["properties"][key]
    return keys


def _version(item: Mapping[str, Any]) -> tuple[Any, ...]:
    """Values that differ between two versions of a granule's file.

    CMR also revises records whose files stay the same. So the revision of a record counts only if
    the record states neither size nor checksum.
    """
    properties = item["properties"]
    facts = [
        item["assets"].get(key, {}).get(fact) for key in ("data", "https") for fact in _FILE_FACTS
    ]
    data = item["assets"].get("data", {})
    stated = any(fact in data for fact in ("file:size", "file:checksum"))
    revision = None if stated else properties["cmr:revision_id"]
    return properties["cmr:concept_id"], properties.get("processing:datetime"), revision, *facts
