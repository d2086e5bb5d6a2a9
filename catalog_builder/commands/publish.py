"""``catalog-builder publish``: uploads a catalog to a bucket or a folder."""

from __future__ import annotations

from pathlib import Path

import click

from catalog_builder.commands.terminal import (
    emit_facts,
    emit_json,
    json_option,
    note,
    progress_bars,
)


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.argument("destination", metavar="DEST")
@click.option(
    "--full",
    is_flag=True,
    help="List DEST too, and upload anew what is missing or changed there.",
)
@click.option("--dry-run", is_flag=True, help="Change nothing; show what would change.")
@json_option
def publish(folder: Path, destination: str, full: bool, dry_run: bool, as_json: bool) -> None:
    """Upload the catalog in DIR to DEST: s3://, gs:// or az://bucket/prefix, or a folder.

    Uploads what changed since the last time, files before the pages that name them, and removes
    last what is gone. Interrupted, it goes on where it stopped when it is started again. Keys come
    from the environment, those for S3 from AWS profiles too.
    """
    from catalog_builder.catalog.stac.layout import CATALOG
    from catalog_builder.progress import bytes_text
    from catalog_builder.publish.publication import publish as publish_catalog
    from catalog_builder.transport.location import shown

    note(f"Publishing {folder} to {shown(destination)}")
    with progress_bars("comparing") as report_progress:
        report = publish_catalog(
            folder, destination, full=full, dry_run=dry_run, progress=report_progress
        )
    if as_json:
        emit_json(report)
        return
    emit_facts(
        (
            ("files", report.files),
            ("would upload" if dry_run else "uploaded", len(report.uploaded)),
            ("bytes", bytes_text(report.uploaded_bytes)),
            ("would remove" if dry_run else "removed", len(report.removed)),
            ("catalog", f"{report.destination.rstrip('/')}/{CATALOG}"),
        )
    )
