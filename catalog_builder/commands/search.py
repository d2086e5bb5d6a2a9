"""``catalog-builder search``: lists granules in CMR; nothing is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from catalog_builder.commands.cmr_options import DefinitionType, login_option, open_client
from catalog_builder.commands.granule_rows import (
    Links,
    asset_of,
    emit_granules,
    emit_links,
    links_option,
    where_options,
)
from catalog_builder.commands.terminal import emit_json, json_option, note, progress_bars

if TYPE_CHECKING:
    from catalog_builder.catalog.definition import Definition


@click.command()
@click.argument("definition", type=DefinitionType(), required=False)
@where_options
@click.option("--version", help="Release of ATL03.  [default: 007]")
@click.option("--provider", help="CMR's name of the archive.  [default: NSIDC_CPRD]")
@click.option("--limit", type=click.IntRange(min=1), help="Most granules to list.")
@click.option(
    "--collection",
    metavar="NAME",
    help="Which of several collections of the DEFINITION; without one, the product: ATL08.",
)
@links_option
@login_option
@json_option
def search(
    definition: Definition | None,
    collection: str | None,
    limit: int | None,
    links: Links | None,
    login: bool,
    as_json: bool,
    version: str | None,
    provider: str | None,
    **where: Any,
) -> None:
    """List the granules in CMR of a place and a time, or of a DEFINITION, by start.

    Only those are listed whose footprint meets the area: CMR's own search is loose. Nothing is
    written, and no login is needed.
    """
    from catalog_builder.catalog.granule_search import search as search_cmr

    release = {"version": version, "provider": provider, "short_name": collection}
    if definition is not None:
        if where["bbox"] or where["area"] or where["datetime"] or version or provider:
            raise click.UsageError(
                "Give a DEFINITION, or the place, the time and the release by options; not both."
            )
        definition = definition.only(collection)
        where |= {"bbox": definition.bounding_box, "datetime": definition.temporal}
        release = {
            "version": definition.version,
            "provider": definition.provider,
            "short_name": definition.short_name,
        }
    known = {name: value for name, value in {**where, **release}.items() if value is not None}
    with open_client(login=login) as client, progress_bars("asking CMR") as report:
        found = search_cmr(**known, limit=limit, client=client, progress=report)
    for name, reason in found.left_out:
        note(f"Left out: {name}: {reason}")
    if as_json:
        emit_json([_as_json(item) for item in found.documents])
    elif links is not None:
        emit_links(found.documents, links)
    else:
        emit_granules(found.documents)
    note(f"{len(found):,} of the {found.listed:,} granules that CMR lists.")


def _as_json(item: dict[str, Any]) -> dict[str, Any]:
    properties = item["properties"]
    data, https = asset_of(item, "data"), asset_of(item, "https")
    return {
        "id": item["id"],
        "concept_id": properties["cmr:concept_id"],
        "revision_id": properties["cmr:revision_id"],
        "start": properties["start_datetime"],
        "end": properties["end_datetime"],
        "bbox": item["bbox"],
        "s3": data.get("href"),
        "https": https.get("href"),
        "size": data.get("file:size", https.get("file:size")),
    }
