"""The short tables of docs/performance.md and docs/photons-speed.md, of saved results.

``python -m benchmarks.summary benchmarks/results/*.json`` prints, of what ``make bench`` and
``make photons-bench`` saved, wall times and multiples of ours. Docs take their long tables from
the ``.md`` file beside.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.table import OURS as OURS_OF_BEAMS

_TASKS: Final = {
    "a": "four variables",
    "b": "whole `heights`",
    "c": "one degree",
    "e": "first beam",
    "f": "first degree",
    "g": "four again",
    "i": "degree again",
}


def main() -> None:
    """Print the tables of all files that are named."""
    for path in map(Path, sys.argv[1:]):
        saved = json.loads(path.read_text())
        rows = [row for row in saved["rows"] if row["runs"] and not row["error"]]
        if rows and "way" in rows[0]:
            sys.stdout.write("\n\n".join(photon_tables(rows)) + "\n\n")
        elif rows and "opener" in rows[0]:
            sys.stdout.write(beam_table(rows) + "\n\n")


def beam_table(rows: Sequence[dict[str, Any]]) -> str:
    """Wall times of all openers, in seconds, with the multiple of ours, by task and layout."""
    columns = [
        key for key in dict.fromkeys((r["task"], r["layout"]) for r in rows) if key[0] in _TASKS
    ]
    best = {
        (row["opener"], row["task"], row["layout"]): min(run["wall"] for run in row["runs"])
        for row in rows
    }
    openers = dict.fromkeys(row["opener"] for row in rows)
    lines = []
    for opener in openers:
        cells = []
        for task, layout in columns:
            wall, ours = (best.get((name, task, layout)) for name in (opener, OURS_OF_BEAMS))
            multiple = f" ({wall / ours:.1f})" if wall and ours and opener != OURS_OF_BEAMS else ""
            cells.append(f"{wall:.2f}{multiple}" if wall else "")
        lines.append([opener, *cells])
    floors = {(row["task"], row["layout"]): row["floor_wall"] for row in rows}
    lines.append(["floor", *(f"{floors[key]:.2f}" for key in columns)])
    return _table(["", *(f"{_TASKS[task]}, {layout}" for task, layout in columns)], lines)


def photon_tables(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Of each area, link and number of granules, by layout; walls with the multiple of ours."""
    sittings = dict.fromkeys((row["link"], row["area"], row["granules"]) for row in rows)
    for link, area, granules in sittings:
        some = [
            row
            for row in rows
            if (row["link"], row["area"], row["granules"]) == (link, area, granules)
        ]
        layouts = dict.fromkeys(row["layout"] for row in some)
        by_way = {(row["way"], row["layout"]): row for row in some}
        lines = []
        for way in dict.fromkeys(row["way"] for row in some):
            cells = [way]
            for layout in layouts:
                row, ours = by_way.get((way, layout)), by_way.get(("ours", layout))
                cells += _photon_cells(row, ours) if row else [""] * 4
            lines.append(cells)
        head = [
            f"{what}, {layout}" for layout in layouts for what in ("GETs", "MB", "CPU s", "wall s")
        ]
        floors = ", ".join(
            f"{by_way[w, n]['floor']:.2f} s ({n})" for w, n in by_way if w == "ours"
        )
        yield f"{link}, area {area}, {granules} granules; floor {floors}\n\n" + _table(
            ["way", *head], lines
        )


def _photon_cells(row: dict[str, Any], ours: dict[str, Any] | None) -> list[str]:
    best, scale = min(row["runs"], key=lambda run: run["wall"]), row["granules"] / row["read"]
    wall = best["wall"] * scale
    multiple = ""
    if ours is not None and row["way"] != "ours":
        multiple = f" ({wall / min(run['wall'] for run in ours['runs']):.1f})"
    catalog = f"+{best['catalog'] * scale:.0f}" if best["catalog"] else ""
    return [
        f"{best['gets'] * scale:.0f}{catalog}",
        f"{best['bytes'] * scale / 1e6:.0f}",
        f"{best['cpu'] * scale:.1f}",
        f"{wall:.2f}{multiple}",
    ]


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rule = "|---" + "|---:" * (len(head) - 1) + "|"
    return "\n".join(
        ["| " + " | ".join(head) + " |", rule, *("| " + " | ".join(one) + " |" for one in lines)]
    )


if __name__ == "__main__":
    main()
