"""``catalog-builder nasa-check``: the whole pipeline at NASA's services, with a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from catalog_builder.commands.terminal import note, write

if TYPE_CHECKING:
    from catalog_builder.nasa_report import Finding


@click.command("nasa-check")
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    default="nasa-check.md",
    show_default=True,
    help="File to write; it holds no secret.",
)
@click.option(
    "--release",
    "releases",
    multiple=True,
    default=("006", "007"),
    show_default=True,
    help="Release of ATL03; several times.",
)
@click.option(
    "--record",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for CMR's answers, for the stand-in to serve again.",
)
@click.option(
    "--harmony/--no-harmony",
    default=True,
    show_default=True,
    help="Ask Harmony to cut a granule: minutes; needs the extra harmony.",
)
@click.pass_context
def nasa_check(
    context: click.Context,
    report: Path,
    releases: tuple[str, ...],
    record: Path | None,
    harmony: bool,
) -> None:
    """Run the whole pipeline at NASA's services on a small area, and write a report.

    Needs an Earthdata login and reads tens of megabytes. The exit code is 1 if a check failed.
    Attach the report to an issue; `python -m earthdata_standin --records FILE` serves what
    --record keeps.
    """
    from catalog_builder.nasa_check import check_nasa

    note("Checking NASA's services; some minutes.")
    findings = check_nasa(
        report, releases=releases, recordings=record, harmony=harmony, on_finding=_show
    )
    note(f"The report is {report}.")
    if any(one.state in ("failed", "skipped") for one in findings):
        context.exit(1)


def _show(one: Finding) -> None:
    write(f"{one.release}  {one.state:9}  {one.seconds:7.2f} s  {one.claim}: {one.found}")
