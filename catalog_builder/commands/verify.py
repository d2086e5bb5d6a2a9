"""``catalog-builder verify``: checks a published catalog."""

from __future__ import annotations

from pathlib import Path

import click

from catalog_builder.commands.granule_options import catalog_argument
from catalog_builder.commands.terminal import (
    emit_facts,
    emit_json,
    json_option,
    note,
    progress_bars,
    write,
)


@click.command()
@catalog_argument
@click.option("--sample", type=click.IntRange(min=1), help="Read only about this many items.")
@click.option(
    "--schemas",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="ATL03_SCHEMAS",
    help="Folder of STAC extension schemas (or ATL03_SCHEMAS).",
)
@click.option("--fetch-schemas", is_flag=True, help="Fetch missing schemas.")
@json_option
@click.pass_context
def verify(
    context: click.Context,
    catalog: str,
    sample: int | None,
    schemas: Path | None,
    fetch_schemas: bool,
    as_json: bool,
) -> None:
    """Check the catalog at DIR_OR_URL: STAC validity, links, counts, index against items.

    The exit code is 1 if there is a problem.
    """
    from catalog_builder.catalog.verify.checks import verify as verify_catalog

    with progress_bars("opening the catalog") as report_progress:
        report = verify_catalog(
            catalog,
            sample=sample,
            schemas=schemas,
            fetch_schemas=fetch_schemas,
            progress=report_progress,
        )
    if as_json:
        emit_json(report)
    else:
        emit_facts(
            (
                ("pages", report.pages),
                ("items", report.items),
                ("items read", report.items_read),
                ("rows in the index", report.index_rows),
                ("problems", report.problem_count),
            )
        )
        for problem in report.problems:
            write(problem)
    for text in report.notes:
        note(f"Note: {text}")
    context.exit(0 if report.ok else 1)
