"""``catalog-builder index``: adds beam references to a catalog."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from catalog_builder.commands.granule_options import access_option
from catalog_builder.commands.terminal import (
    emit_facts,
    emit_json,
    json_option,
    note,
    progress_bars,
)
from catalog_builder.progress import bytes_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor

    from catalog_builder.indexing.estimate import Estimate
    from catalog_builder.indexing.scan_task import FailedGranule

_SHOWN = 10
"""Most failed granules that are named in messages; --json lists all."""

_INTERRUPTED: Final = 130
"""Exit code after Ctrl-C or SIGTERM: 128 + SIGINT, as in shells."""


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.argument("granules", metavar="[ID]...", nargs=-1)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="Granules to read at a time, each in a process (default: one for each core).",
)
@click.option(
    "--dask",
    metavar="ADDRESS",
    help="Read granules on this dask.distributed cluster: tcp://host:8786.",
)
@click.option("--limit", type=click.IntRange(min=1), help="Most granules to read in this run.")
@click.option("--again", is_flag=True, help="Also index granules that have references.")
@click.option(
    "--stale",
    is_flag=True,
    help="Also index granules whose file was replaced: its size or ETag has changed.",
)
@click.option(
    "--plain",
    is_flag=True,
    help="Also write references as plain JSON, for xpystac and VirtualiZarr.",
)
@click.option(
    "--estimate",
    "only_estimate",
    is_flag=True,
    help="Only read five granules, and estimate what all take.",
)
@click.option(
    "--price", type=click.FloatRange(min=0), help="Price of a core-hour, for the estimate."
)
@access_option
@json_option
@click.pass_context
def index(
    context: click.Context,
    /,
    folder: Path,
    granules: tuple[str, ...],
    dask: str | None,
    only_estimate: bool,
    stale: bool,
    plain: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Add beam references to the catalog in DIR: where every byte of a beam lies.

    Reads the metadata of each granule without references, or of those whose IDs are given. After
    an interruption, the next run resumes. The exit code is 1 if a granule failed; the next run
    tries it again.
    """
    options["granules"] = granules or None
    if only_estimate and (stale or plain):
        raise click.UsageError("--estimate neither looks for stale references nor writes any.")
    try:
        with (
            _sigterm_interrupts(),
            _cluster(dask) as executor,
            progress_bars("looking at the catalog") as report_progress,
        ):
            options |= {"executor": executor, "progress": report_progress}
            if only_estimate:
                failed, show = _estimate(folder, as_json, options)
            else:
                failed, show = _index(folder, as_json, options | {"stale": stale, "plain": plain})
    except KeyboardInterrupt:
        note(
            "Interrupted. Indexed granules are kept; to resume: "
            f"catalog-builder index {click.format_filename(folder)}"
        )
        context.exit(_INTERRUPTED)
    show()
    _note_failed(list(failed))
    context.exit(1 if failed else 0)


_Outcome = tuple["tuple[FailedGranule, ...]", "Callable[[], None]"]
"""The granules that failed, and what writes the result, once the bars are gone."""


def _index(folder: Path, as_json: bool, options: dict[str, Any]) -> _Outcome:
    from catalog_builder.indexing.index_catalog import index_catalog

    report = index_catalog(folder, estimated=lambda one: note(str(one)), **options)
    facts = (
        ("granules", report.granules),
        ("had references", report.before),
        ("indexed", len(report.indexed)),
        ("failed", len(report.failed)),
        ("left for the next run", report.left or None),
    )
    return report.failed, partial(emit_json, report) if as_json else partial(emit_facts, facts)


def _estimate(folder: Path, as_json: bool, options: dict[str, Any]) -> _Outcome:
    from catalog_builder.indexing.index_catalog import estimate_indexing

    found, failed = estimate_indexing(folder, **options)
    show = partial(emit_json, found) if as_json else partial(emit_facts, _estimate_facts(found))
    return failed, show


def _estimate_facts(found: Estimate) -> Iterator[tuple[str, object]]:
    yield "granules to index", found.granules
    yield "their files", found.stored and bytes_text(found.stored)
    yield "granules scanned for this", found.sampled
    yield "to read", found.bytes and bytes_text(found.bytes)
    yield "requests", found.requests and round(found.requests)
    yield "core-hours", found.core_hours and f"{found.core_hours:,.3g}"
    yield "of them working", found.cpu_hours and f"{found.cpu_hours:,.3g}"
    yield "at a time", found.workers
    yield "hours", found.wall and f"{found.wall / 3600:,.3g}"
    yield "cost", found.cost and f"{found.cost:,.2f} at {found.price:g} a core-hour"


def _note_failed(failed: list[FailedGranule]) -> None:
    for one in failed[:_SHOWN]:
        note(f"Failed: {one.granule}: {one.error}")
    if len(failed) > _SHOWN:
        note(f"Failed: {len(failed) - _SHOWN} more; --json lists them.")


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """Let SIGTERM, which batch systems send, interrupt like Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _cluster(address: str | None) -> Iterator[Executor | None]:
    """The executor of a dask cluster; None without an address."""
    if address is None:
        yield None
        return
    from catalog_builder.extras import needing

    with needing("dask", "--dask"):
        from distributed import Client
    with Client(address, set_as_default=False) as client:  # type: ignore[no-untyped-call]  # theirs
        yield client.get_executor(pure=False)
