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
"""Most records set aside that are named in messages; the report lists all."""


@click.command()
@definition_argument
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder to write or update; its other files stay.",
)
@click.option("--url", help="Where the folder will be hosted, if known: https://host/folder.")
@click.option(
    "--full",
    is_flag=True,
    help="Fetch all records, not only revised ones; needed to remove most of a catalog.",
)
@click.option(
    "--items",
    type=click.Choice(["files", "none"]),
    default="files",
    show_default=True,
    help="none: publish only the collection and the index, for hosts that limit files.",
)
@click.option(
    "--at-once",
    type=click.IntRange(1, 4),
    default=1,
    show_default=True,
    help="Queries sent to CMR at a time when all records are fetched.",
)
@click.option(
    "--jobs", type=click.IntRange(1), help="Worker processes (default: one for each core)."
)
@click.option("--dry-run", is_flag=True, help="Write nothing; show what would change.")
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
    """Write or update the catalog of the granules in CMR that match a DEFINITION."""
    if sys.platform == "linux":
        # Arrow reads it when it is imported: with jemalloc the processes of a build take 387 MB,
        # with Arrow's default pool 485.
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "jemalloc")
    from catalog_builder.catalog.build.build import build as build_catalog

    with open_client(login=login) as client, progress_bars("asking CMR") as report_progress:
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
