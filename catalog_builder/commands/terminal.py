"""The terminal: results on stdout, everything else on stderr.

People get tables and progress bars, a pipe gets plain lines, ``--json`` gives data.
"""

from __future__ import annotations

import re
import shutil
import sys
from contextlib import contextmanager
from textwrap import fill, wrap
from typing import TYPE_CHECKING, Any, Final

import click
from rich.cells import cell_len

from catalog_builder.auth.redaction import redacted
from catalog_builder.plain_text import sentence, visible
from catalog_builder.progress import bytes_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rich.console import Console

    from catalog_builder.progress import Progress, Reporter

_GAP: Final = 2
"""Spaces between columns."""

_NARROW: Final = 72
"""Characters of a terminal in which the words of a stage, counts and bytes leave no place to a
bar."""

_LEAST: Final = 12
"""Characters that a column needs to be broken into lines."""

_drawing: Final[list[Console]] = []
"""Where bars are drawn now: what click writes meanwhile would stand behind them, on their line."""

json_option: Final = click.option(
    "--json", "as_json", is_flag=True, help="Give the result as JSON."
)


def write(text: object, *, indent: int | None = None) -> None:
    """Write a line of the result, control characters escaped.

    With ``indent`` a terminal gets as many lines as it takes, those after the first so far in.
    What has no space, such as an address, stays whole: it is to be copied.
    """
    line = visible(str(text))
    columns = shutil.get_terminal_size().columns
    if indent is not None and cell_len(line) > columns and sys.stdout.isatty():
        line = fill(
            line,
            columns,
            subsequent_indent=" " * indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
    click.echo(line)


def note(text: str) -> None:
    """Write a message to stderr, above the bars if there are some.

    Signatures in an address that it quotes are left out.
    """
    text = sentence(redacted(text), sys.stderr)
    if _drawing:
        _drawing[-1].print(text, soft_wrap=True, markup=False, highlight=False, emoji=False)
    else:
        click.echo(text, err=True)


def emit_json(value: Any) -> None:
    """Write a result as JSON: plain values, dataclasses, times and paths."""
    import orjson

    options = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS
    text = orjson.dumps(value, default=str, option=options).decode()
    # orjson writes these characters as they are, but a terminal may obey them.
    click.echo(re.sub("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]", _escaped, text))


def emit_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, spare: Sequence[str] = ()
) -> None:
    """Write rows: aligned on a terminal, else one on each line, with tabs, after the names.

    None is an empty cell. Rows that are not aligned are written as they come. On a terminal,
    columns without a value are left out, and as many of the ``spare`` ones, the first of them
    first, as it takes for the others to fit; only the last column is broken into lines.
    """
    if not sys.stdout.isatty():
        write("\t".join(columns))
        for row in rows:
            cells = (str(value) if type(value) is int else _cell(value) for value in row)
            write("\t".join(" ".join(cell.split()) for cell in cells))
        return
    table = [[visible(_cell(value)).replace("\n", " ") for value in row] for row in rows]
    widths = {
        name: max(cell_len(name), *(cell_len(row[place]) for row in table))
        for place, name in enumerate(columns)
        if table and any(row[place] for row in table)
    } or {name: cell_len(name) for name in columns}
    width = shutil.get_terminal_size().columns
    for name in spare:
        if sum(widths.values()) + _GAP * (len(widths) - 1) > width and len(widths) > 1:
            widths.pop(name, None)
    places = {name: place for place, name in enumerate(columns) if name in widths}
    *before, last = places
    room = width - sum(widths[name] + _GAP for name in before)
    click.secho(_line([*places], widths), bold=True)
    for row in table:
        text = row[places[last]]
        first, *more = (wrap(text, room) if room >= _LEAST else [text]) or [""]
        click.echo(_line([*(row[places[name]] for name in before), first], widths))
        for rest in more:
            click.echo(" " * (width - room) + rest)


def _line(cells: Sequence[str], widths: Mapping[str, int]) -> str:
    """Cells, each as wide as its column, but the last."""
    padded = (
        cell + " " * (width - cell_len(cell))
        for cell, width in zip(cells, widths.values(), strict=True)
    )
    return (" " * _GAP).join(padded).rstrip()


def emit_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Write name and value pairs, a line each, values aligned."""
    known = [(name, value) for name, value in facts if value is not None]
    width = max((len(name) for name, _ in known), default=0)
    for name, value in known:
        write(f"{name:{width}}  {_cell(value)}", indent=width + _GAP)


@contextmanager
def progress_bars(first: str = "starting") -> Iterator[Reporter]:
    """A reporter that draws a bar for each stage on stderr, if that is a terminal.

    Until the first report, a bar without an end says what is done ``first``. Results are written
    when the bars are gone: both may be on one screen.
    """
    if not sys.stderr.isatty():
        yield _silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    narrow = console.width < _NARROW
    bars = Bars(
        TextColumn("{task.description}"),
        *([] if narrow else [BarColumn()]),
        MofNCompleteColumn(),
        TextColumn("{task.fields[volume]}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        redirect_stdout=False,  # it would go to stderr
    )
    with bars, _drawn_on(console):
        tasks: dict[str, Any] = {"": bars.add_task(first, total=None, volume="")}

        def report(step: Progress) -> None:
            if "" in tasks:
                bars.remove_task(tasks.pop(""))
            if step.stage not in tasks:
                tasks[step.stage] = bars.add_task(step.stage, total=step.total, volume="")
            bars.update(
                tasks[step.stage],
                completed=step.done,
                total=step.total,
                volume=_volume(step, brief=narrow),
            )

        yield report


@contextmanager
def _drawn_on(console: Console) -> Iterator[None]:
    _drawing.append(console)
    try:
        yield
    finally:
        _drawing.pop()


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def _silent(_: Progress) -> None:
    pass


def _volume(step: Progress, *, brief: bool) -> str:
    """Bytes read, and unless it is to be ``brief`` bytes in all: ``1.2 GB / 21.0 GB``."""
    total = None if brief else step.bytes_total
    known = [n for n in (step.bytes_done, total) if n is not None]
    return " / ".join(map(bytes_text, known))


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)
