"""``catalog-builder search``: lists granules in CMR; nothing is written."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Literal

import click

from catalog_builder.commands.cmr_options import definition_argument, login_option, open_client
from catalog_builder.commands.terminal import (
    emit_json,
    emit_table,
    json_option,
    note,
    progress_bars,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from catalog_builder.catalog.definition import Definition
    from catalog_builder.catalog.stac.granule import Granule


@click.command()
@definition_argument
@click.option("--limit", type=click.IntRange(min=1), help="Most granules to list.")
@click.option(
    "--links", type=click.Choice(["s3", "https"]), help="List only links, one on each line."
)
@login_option
@json_option
def search(
    definition: Definition,
    limit: int | None,
    links: Literal["s3", "https"] | None,
    login: bool,
    as_json: bool,
) -> None:
    """List the granules in CMR that match a DEFINITION, by start; nothing is written.

    CMR also lists granules whose footprint lies beside the box.
    """
    from catalog_builder.catalog.cmr.query import MAX_PAGE, GranuleQuery

    with open_client(login=login) as client, progress_bars() as report:
        collection = client.collection(
            definition.short_name, definition.version, definition.provider
        )
        query = GranuleQuery.of(
            definition,
            collection.concept_id,
            sort_key="start_date",
            page_size=min(limit or MAX_PAGE, MAX_PAGE),
        )
        listing = client.granules(query, progress=report)
        granules = _granules(islice(listing, limit))
        if links is not None:
            for granule in granules:
                href = granule.s3_href if links == "s3" else granule.https_href
                if href is None:
                    note(f"{granule.id} has no {links} link.")
                else:
                    write(href)
        elif as_json:
            emit_json([_as_json(granule) for granule in granules])
        else:
            emit_table(
                ("id", "start", "track", "cycle", "region", "MB"),
                (_row(granule) for granule in granules),
            )
    note(f"{listing.read:,} of the {listing.hits:,} granules that CMR lists.")


def _granules(records: Iterable[dict[str, object]]) -> Iterator[Granule]:
    """Granules of the records that can be used; messages name the others."""
    from catalog_builder.catalog.cmr.umm_g import concept_id, granule_ur
    from catalog_builder.catalog.stac.granule import parse_umm
    from catalog_builder.errors import RecordError

    for record in records:
        try:
            yield parse_umm(record)
        except RecordError as error:
            note(f"Left out: {granule_ur(record)} ({concept_id(record)}): {error}")


def _row(granule: Granule) -> tuple[object, ...]:
    name = granule.name
    size = None if granule.size is None else round(granule.size / 1e6)
    start = f"{granule.start:%Y-%m-%d %H:%M:%S}"
    return granule.id, start, f"{name.rgt:04d}", f"{name.cycle:02d}", f"{name.region:02d}", size


def _as_json(granule: Granule) -> dict[str, object]:
    return {
        "id": granule.id,
        "concept_id": granule.concept_id,
        "revision_id": granule.revision_id,
        "start": granule.start,
        "end": granule.end,
        "bbox": granule.footprint.bbox,
        "s3": granule.s3_href,
        "https": granule.https_href,
        "size": granule.size,
    }
