"""``catalog-builder info``: shows one granule: links, size, beams."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from catalog_builder.commands.granule_options import (
    access_option,
    catalog_argument,
    granule_argument,
)
from catalog_builder.commands.terminal import (
    emit_facts,
    emit_json,
    emit_table,
    json_option,
    progress_bars,
    write,
)

if TYPE_CHECKING:
    from catalog_builder.beams.storage.links import Access


@click.command()
@catalog_argument
@granule_argument
@access_option
@json_option
def info(catalog: str, granule: str, access: Access, as_json: bool) -> None:
    """Show the granule ID of the catalog at DIR_OR_URL: its links, size and beams.

    Only metadata of the granule's file are read, which needs an Earthdata login.
    """
    from catalog_builder.catalog.index.lookup import find_item
    from catalog_builder.opening.one_granule import describe
    from catalog_builder.opening.resolve import resolve

    with progress_bars("opening the granule"):
        item = find_item(catalog, granule)
        resolved = resolve(item)
    links = resolved.links
    properties = item["properties"]
    facts = {
        "id": granule,
        "start": properties.get("start_datetime"),
        "end": properties.get("end_datetime"),
        "rgt": properties.get("sat:relative_orbit"),
        "cycle": properties.get("sat:orbit_cycle"),
        "region": properties.get("icesat2:region"),
        "bbox": item.get("bbox"),
        "s3": links.s3,
        "https": links.https,
        "credentials": links.credentials_endpoint,
    }
    if as_json:
        with progress_bars("reading the granule"):
            found = describe(resolved, access=access)
        emit_json({**facts, **found.to_dict()})
        return
    emit_facts(facts.items())
    with progress_bars("reading the granule"):
        found = describe(resolved, access=access)
    emit_facts([("bytes", found.size), ("read from", found.href)])
    write("")
    emit_table(
        ("beam", "strength", "spot", "photons", "segments"),
        (
            (beam.beam, beam.strength, beam.spot or None, beam.photons, beam.segments)
            for beam in found.beams
        ),
    )
