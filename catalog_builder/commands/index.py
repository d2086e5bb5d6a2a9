"""``catalog-builder index``."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from catalog_builder.commands.granule_options import access_option
from catalog_builder.commands.terminal import (
    emit_facts,
    emit_json,
    json_option,
    note,
    progress_bars,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor

    from catalog_builder.beams.storage.links import Access

_SHOWN = 10
"""Granules that failed that are told of; --json lists them all."""


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="Granules to read at a time, each in a process (default: one a core).",
)
@click.option(
    "--dask",
    metavar="ADDRESS",
    help="Read them on this dask.distributed cluster instead: tcp://host:8786.",
)
@click.option("--limit", type=click.IntRange(min=1), help="Read at most so many granules now.")
@access_option
@json_option
@click.pass_context
def index(
    context: click.Context,
    folder: Path,
    jobs: int | None,
    dask: str | None,
    limit: int | None,
    access: Access,
    as_json: bool,
) -> None:
    """Add beam references to the catalog in DIR: where every byte of a beam lies.

    Reads the metadata of each granule that has none yet. Interrupted, it goes on from there when
    it is started again. Exit code 1 where a granule failed; the next run tries it again.
    """
    from catalog_builder.indexing.index_catalog import index_catalog

    with _cluster(dask) as executor, progress_bars() as report_progress:
        report = index_catalog(
            folder,
            executor=executor,
            jobs=jobs,
            limit=limit,
            access=access,
            progress=report_progress,
        )
    if as_json:
        emit_json(report)
    else:
        emit_facts(
            (
                ("granules", report.granules),
                ("had references", report.before),
                ("indexed", len(report.indexed)),
                ("failed", len(report.failed)),
                ("left for the next run", report.left or None),
            )
        )
    for failed in report.failed[:_SHOWN]:
        note(f"Failed: {failed.granule}: {failed.error}")
    if len(report.failed) > _SHOWN:
        note(f"Failed: {len(report.failed) - _SHOWN} more; --json lists them.")
    context.exit(1 if report.failed else 0)


@contextmanager
def _cluster(address: str | None) -> Iterator[Executor | None]:
    """The workers of a dask cluster; None where no address is given."""
    if address is None:
        yield None
        return
    from catalog_builder.errors import MissingExtraError

    try:
        from distributed import Client
    except ImportError as error:
        raise MissingExtraError(
            "--dask needs dask.distributed: pip install dask distributed."
        ) from error
    with Client(address, set_as_default=False) as client:  # type: ignore[no-untyped-call]  # theirs
        yield client.get_executor(pure=False)
