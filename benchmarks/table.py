"""What was measured, as tables, and against what was promised."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final

from benchmarks.floor import Floor
from benchmarks.granules import LAYOUTS, Layout
from benchmarks.server import BANDWIDTH, LATENCY, LINK
from benchmarks.task import TITLES, Task

OURS: Final = "ours, references"
ARRAYS: Final = "ours, arrays only"
"""Of the four or more arrays that peers return, and nothing more."""

_INDEXED: Final = "hidefix with saved index"
_TIMES_INDEXED: Final = 1.5
_BY_REFERENCES: Final = ("kerchunk + zarr", _INDEXED)
"""Peers that do not look at the granule's own metadata."""

_FIRST: Final = {"e": "a", "f": "c"}
"""Tasks in a fresh process, and the same in one that has read others."""
_FIRST_TAKES: Final = 0.12
"""Seconds that the first read of a process may take more than a warm one."""

_TIMES_THE_FLOOR: Final = {"a": 1.25, "b": 1.5, "c": 1.25, "g": 1.25, "h": 1.5, "i": 1.25}
"""How much longer than the floor a read may take; a to c ask for the references first."""

_COLUMNS: Final = (
    *("opener", "GETs", "rounds", "MB", "needed", "CPU s", "RSS MB", "wall s", "median"),
    *("x floor", "x ours", "runs"),
)
_NOTES: Final = (
    "GETs to the store of granules (requests to the catalog's host after a +); rounds: the longest"
    " row of GETs of which each waited for the one before; MB moved, and MB stored of the chunks"
    " that hold what is wanted (our Dataset has time beside it: more is needed); CPU"
    " of the client; RSS: highest peak above what the process had before and the arrays it"
    " returned;"
    " wall: the best run, and the median; floor: one latency + bytes needed over the link +"
    " inflating them on all cores."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One opener at one task in one layout."""

    opener: str
    layout: Layout
    task: Task
    floor: Floor
    runs: tuple[dict[str, Any], ...]
    """As ``benchmarks.task`` told them, those that worked."""
    error: str | None
    """Why there is none, or that its values were wrong."""

    def best(self, name: str) -> float:
        """The least of all runs."""
        return float(min(run[name] for run in self.runs))

    def worst(self, name: str) -> float:
        """The most of all runs."""
        return float(max(run[name] for run in self.runs))

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"floor_wall": self.floor.wall}


def tables(rows: Sequence[Row], about: dict[str, Any]) -> str:
    """All tables, in Markdown."""
    head = (
        f"Measured {about['date']} on {about['cores']} cores ({about['processor']}), behind "
        f"{1000 * LATENCY:.0f} ms latency, {BANDWIDTH / 1e6:.0f} MB/s a connection and "
        f"{LINK / 1e9:g} GB/s in all. Granules: {about['granules']}."
    )
    parts = [head, _sets(about["sets"]), _NOTES]
    for task in dict.fromkeys(row.task for row in rows):
        for layout in LAYOUTS:
            some = [row for row in rows if (row.task, row.layout) == (task, layout)]
            if some:
                parts += [f"### {task}. {TITLES[task]}: {layout} layout", _table(some)]
    checks = list(promises(rows))
    if checks:
        parts += ["### What was promised", "\n".join(checks)]
    return "\n\n".join(parts) + "\n"


def _sets(sets: dict[str, Any]) -> str:
    told = (
        f"{known['bytes'] / 1e3:.0f} kB ({layout}), one beam loaded in "
        f"{1e3 * known['load']:.1f} ms, all in {1e3 * known['load_all']:.1f} ms"
        for layout, known in sets.items()
    )
    return f"Reference file of all six beams: {'; '.join(told)}."


def _table(rows: Sequence[Row]) -> str:
    ours = next((row.best("wall") for row in rows if row.opener == OURS and row.runs), None)
    lines = ["| " + " | ".join(_COLUMNS) + " |", "|---" + "|---:" * (len(_COLUMNS) - 1) + "|"]
    for row in rows:
        cells = _cells(row, ours) if row.runs and not row.error else [row.error or "not run"]
        cells += [""] * (len(_COLUMNS) - 1 - len(cells))
        lines.append("| " + " | ".join([row.opener, *cells]) + " |")
    return "\n".join(lines)


def _cells(row: Row, ours: float | None) -> list[str]:
    run = min(row.runs, key=lambda run: run["wall"])
    catalog = f"+{run['catalog']}" if run["catalog"] else ""
    return [
        f"{run['gets']}{catalog}",
        f"{run['rounds']}",
        f"{run['bytes'] / 1e6:.1f}",
        f"{row.floor.bytes / 1e6:.1f}",
        f"{row.best('cpu'):.2f}",
        f"{row.worst('rss') / 1e6:.0f}",
        f"{row.best('wall'):.3f}",
        f"{median(run['wall'] for run in row.runs):.3f}",
        f"{row.best('wall') / row.floor.wall:.1f}",
        f"{row.best('wall') / ours:.1f}" if ours else "",
        f"{len(row.runs)}",
    ]


def promises(rows: Sequence[Row]) -> Iterator[str]:
    """Each thing that was promised of beams opened by references, and whether it is so."""
    for row in rows:
        if row.opener in (OURS, ARRAYS) and row.runs:
            where = f"{row.task}, {row.layout}, {row.opener}"
            limits = (*_limits(row), *_against_warm(row, rows), *_against_peers(row, rows))
            for what, have, most in limits:
                sign = "met" if have <= most else "MISSED"
                yield f"- {sign}: {where}: {what} {have:.3g}, at most {most:.3g}"


def _limits(row: Row) -> Iterator[tuple[str, float, float]]:
    run = min(row.runs, key=lambda run: run["wall"])
    needed = row.floor.bytes / 1e6
    if row.task in _TIMES_THE_FLOOR:
        yield "wall s", row.best("wall"), _TIMES_THE_FLOOR[row.task] * row.floor.wall
    if row.task in ("a", "b"):
        yield "GETs", run["gets"], needed / 6 + 4
        yield "MB", run["bytes"] / 1e6, 1.05 * needed
        yield "CPU s", row.best("cpu"), 1.8 * row.floor.inflate
        yield "RSS MB", row.worst("rss") / 1e6, 64
    elif row.task == "c":
        yield "GETs", run["gets"], 12
        yield "rounds", run["rounds"], 1
        yield "MB", run["bytes"] / 1e6, 1.25 * needed
        yield "RSS MB", row.worst("rss") / 1e6, 32
    elif row.task == "d":
        yield "requests to the catalog's host", run["catalog"], 1
        yield "GETs", run["gets"], 0
        yield "wall s", row.best("wall"), LATENCY + 0.05


def _against_warm(row: Row, rows: Sequence[Row]) -> Iterator[tuple[str, float, float]]:
    """The first read of a process against the same read when warm."""
    for other in rows:
        same = (other.opener, other.layout, other.task)
        if same == (row.opener, row.layout, _FIRST.get(row.task)) and other.runs:
            yield "wall s, first", row.best("wall"), other.best("wall") + _FIRST_TAKES


def _against_peers(row: Row, rows: Sequence[Row]) -> Iterator[tuple[str, float, float]]:
    """Against the fastest that reads the original file, metadata and all."""
    peers = {
        other.opener: other.best("wall")
        for other in rows
        if (other.task, other.layout) == (row.task, row.layout)
        and not other.opener.startswith("ours")
        and other.opener not in _BY_REFERENCES
        and other.runs
    }
    times = {"a": 3, "b": 3, "c": 4, "g": 3, "i": 3}.get(row.task)
    if peers and times:
        fastest = min(peers, key=peers.__getitem__)
        yield (
            f"wall s, {times} times of it against {fastest}",
            row.best("wall"),
            (peers[fastest] / times),
        )
    for other in rows:
        same = (other.opener, other.task, other.layout) == (_INDEXED, row.task, row.layout)
        if same and times and other.runs:
            what = f"wall s, {_TIMES_INDEXED} times of it against {_INDEXED}"
            yield what, row.best("wall"), other.best("wall") / _TIMES_INDEXED
