"""``catalog-builder build``: writes or updates a catalog from its definition."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from catalog_builder.commands.cmr_options import definition_argument, login_option, open_client
from catalog_builder.commands.terminal import (
    emit_facts,
    emit_json,
    json_option,
    note,
    progress_bars,
)

if TYPE_CHECKING:
    from catalog_builder.catalog.definition import Definition

_SHOWN = 3
"""Records set aside that are told of; the report has them all."""


@click.command()
@definition_argument
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder to write or update; what is in it and not a catalog's stays.",
)
@click.option("--url", help="Where that folder will be hosted, if you know: https://host/folder.")
@click.option(
    "--full",
    is_flag=True,
    help="Read everything anew, not only what was revised; also where most would be removed.",
)
@click.option(
    "--items",
    type=click.Choice(["files", "none"]),
    default="files",
    show_default=True,
    help="none: publish the collection and the index only, for hosts that limit files.",
)
@click.option(
    "--at-once",
    type=click.IntRange(1, 4),
    default=1,
    show_default=True,
    help="Queries that CMR is asked at a time where everything is read.",
)
@click.option("--jobs", type=click.IntRange(1), help="Processes; default: one a core.")
@click.option("--dry-run", is_flag=True, help="Write nothing; say what would change.")
@login_option
@json_option
def build(
    definition: Definition,
    out: Path,
    url: str | None,
    full: bool,
    items: Literal["files", "none"],
    at_once: int,
    jobs: int | None,
    dry_run: bool,
    login: bool,
    as_json: bool,
) -> None:
    """Write or update the catalog of the granules in CMR that a DEFINITION asks for."""
    if sys.platform == "linux":
        # Set before Arrow is imported, which reads it then: the processes of a build take 387 MB
        # instead of 485 with the pool that Arrow chooses by itself.
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "jemalloc")
    from catalog_builder.catalog.build.build import build as build_catalog

    with open_client(login=login) as client, progress_bars() as report_progress:
        report = build_catalog(
            definition,
            out,
            url=url,
            client=client,
            full=full,
            items=items,
            at_once=at_once,
            jobs=jobs,
            dry_run=dry_run,
            progress=report_progress,
        )
    if as_json:
        emit_json(report)
    else:
        emit_facts(
            (
                ("granules", report.items),
                ("records read", report.read),
                ("added", report.added_count),
                ("changed", report.changed_count),
                ("removed", report.removed_count),
                ("unchanged", report.unchanged),
                ("outside the box", report.outside or None),
                ("set aside", len(report.set_aside)),
                ("would be written to" if dry_run else "catalog", out / "catalog.json"),
            )
        )
    for record in report.set_aside[:_SHOWN]:
        note(f"Set aside: {record.granule_ur} ({record.concept_id}): {record.reason}")
    if len(report.set_aside) > _SHOWN:
        where = "--json lists them" if dry_run else f"{out / 'build-report.json'} lists them"
        note(f"Set aside: {len(report.set_aside) - _SHOWN} more; {where}.")
