"""The terminal: results on stdout, everything else on stderr.

People get tables and progress bars, a pipe gets plain lines, ``--json`` gives data.
"""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click

from catalog_builder.plain_text import visible
from catalog_builder.progress import bytes_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from catalog_builder.progress import Progress, Reporter

json_option: Final = click.option(
    "--json", "as_json", is_flag=True, help="Give the result as JSON."
)


def write(text: object) -> None:
    """Write a line of the result, control characters escaped."""
    click.echo(visible(str(text)))


def note(text: str) -> None:
    """Write a message to stderr."""
    click.echo(visible(text), err=True)


def emit_json(value: Any) -> None:
    """Write a result as JSON: plain values, dataclasses, times and paths."""
    import orjson

    options = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS
    text = orjson.dumps(value, default=str, option=options).decode()
    # orjson writes these characters as they are, but a terminal may obey them.
    click.echo(re.sub("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]", _escaped, text))


def emit_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write rows: aligned on a terminal, else one on each line, with tabs, after the names.

    None is an empty cell. Rows that are not aligned are written as they come.
    """
    if not sys.stdout.isatty():
        write("\t".join(columns))
        for row in rows:
            cells = (str(value) if type(value) is int else _cell(value) for value in row)
            write("\t".join(" ".join(cell.split()) for cell in cells))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(visible(_cell(value))) for value in row))
    Console(file=sys.stdout).print(table)


def emit_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Write name and value pairs, a line each, values aligned."""
    known = [(name, value) for name, value in facts if value is not None]
    width = max((len(name) for name, _ in known), default=0)
    for name, value in known:
        write(f"{name:{width}}  {_cell(value)}")


@contextmanager
def progress_bars() -> Iterator[Reporter]:
    """A reporter that draws a bar for each stage on stderr, if that is a terminal."""
    if not sys.stderr.isatty():
        yield _silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[volume]}"),
    )
    with Bars(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def report(step: Progress) -> None:
            if step.stage not in tasks:
                tasks[step.stage] = bars.add_task(step.stage, total=step.total, volume="")
            bars.update(
                tasks[step.stage], completed=step.done, total=step.total, volume=_volume(step)
            )

        yield report


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def _silent(_: Progress) -> None:
    pass


def _volume(step: Progress) -> str:
    """Bytes read, and bytes in all: ``1.2 GB / 21.0 GB``."""
    known = [n for n in (step.bytes_done, step.bytes_total) if n is not None]
    return " / ".join(map(bytes_text, known))


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)
