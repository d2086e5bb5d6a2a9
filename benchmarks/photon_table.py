"""What reading the photons of an area took, as tables, and against what was promised."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

OURS: Final = "ours"
SCRIPT: Final = "script"
_INDEXED: Final = "hidefix with saved index"

_COLUMNS: Final = (
    *("way", "granules read", "GETs", "MB", "CPU s", "server CPU s", "RSS MB", "wall s"),
    *("x floor", "x ours", "runs"),
)
_NOTES: Final = (
    "Ways that read fewer granules than all were run on those, and their figures but RSS are "
    "scaled to all. GETs: to the store of granules, requests to the catalog's host after a +; "
    "server CPU: of the far store, which runs on the same cores; RSS: highest peak above what the "
    "process had before and the arrays it returned; wall: the best run; floor: requests of ours x "
    "latency / 32 + bytes needed over the link, or inflating them on all cores, whichever is "
    "longer. The bytes needed are those of the chunks that hold a photon of the area, whole: of "
    "large ones ours reads the beginning, where that is enough."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotonRow:
    """One way of reading an area."""

    way: str
    layout: str
    area: str
    link: str
    granules: int
    read: int
    """Granules that were read; figures are scaled to all."""
    photons: int
    """That stay, of all granules."""
    needed: int
    """Stored bytes of the chunks that hold a photon of the area."""
    inflate: float
    """Seconds of one core to inflate them."""
    floor: float
    """Seconds."""
    runs: tuple[dict[str, Any], ...]
    """As ``benchmarks.photon_task`` told them, those that worked."""
    error: str | None
    """Why there is none, or that its photons were wrong."""

    @property
    def best(self) -> dict[str, Any]:
        """The run that took the least time."""
        return min(self.runs, key=lambda run: run["wall"])

    def scaled(self, name: str) -> float:
        """A figure of the best run, of all granules."""
        return float(self.best[name]) * self.granules / self.read

    @property
    def sitting(self) -> tuple[object, ...]:
        """Of rows that are compared."""
        return self.link, self.layout, self.area, self.granules


def table(rows: Sequence[PhotonRow]) -> Iterator[str]:
    """All tables, in Markdown."""
    yield _NOTES
    for sitting in dict.fromkeys(row.sitting for row in rows):
        some = [row for row in rows if row.sitting == sitting]
        first = some[0]
        yield (
            f"### {first.link}: {first.granules} granules, six beams, {first.layout} layout, "
            f"area {first.area}\n\n"
            f"{first.photons:,} photons stay; needed are {first.needed / 1e6:.0f} MB, "
            f"{first.inflate:.2f} CPU s to inflate; floor {first.floor:.2f} s."
        )
        ours = next((row for row in some if row.way == OURS and row.runs), None)
        yield "\n".join(
            [
                "| " + " | ".join(_COLUMNS) + " |",
                "|---" + "|---:" * (len(_COLUMNS) - 1) + "|",
                *("| " + " | ".join(_cells(row, ours)) + " |" for row in some),
            ]
        )


def _cells(row: PhotonRow, ours: PhotonRow | None) -> list[str]:
    if not row.runs or row.error:
        return [row.way, row.error or "not run", *[""] * (len(_COLUMNS) - 2)]
    catalog = row.scaled("catalog")
    return [
        row.way,
        f"{row.read}",
        f"{row.scaled('gets'):.0f}" + (f"+{catalog:.0f}" if catalog else ""),
        f"{row.scaled('bytes') / 1e6:.0f}",
        f"{row.scaled('cpu'):.2f}",
        f"{row.scaled('server'):.2f}",
        f"{max(run['rss'] for run in row.runs) / 1e6:.0f}",
        f"{row.scaled('wall'):.2f}",
        f"{row.scaled('wall') / row.floor:.1f}",
        f"{row.scaled('wall') / ours.scaled('wall'):.2f}" if ours else "",
        f"{len(row.runs)}",
    ]


def promises(rows: Sequence[PhotonRow]) -> Iterator[str]:
    """Each thing that was promised of ours, and whether it is so."""
    good = [row for row in rows if row.runs and not row.error]
    for row in good:
        if row.way == OURS:
            where = f"{row.link}, {row.layout}, {row.area}, {row.granules} granules"
            for what, have, most in (*_limits(row), *_against(row, good)):
                sign = "met" if have <= most else "MISSED"
                yield f"- {sign}: {where}: {what} {have:.3g}, at most {most:.3g}"


def _limits(row: PhotonRow) -> Iterator[tuple[str, float, float]]:
    yield "RSS MB", max(run["rss"] for run in row.runs) / 1e6, 150
    if (row.link, row.area, row.granules) == ("hub", "0.2", 50):
        yield "GETs and requests to the catalog", row.best["gets"] + row.best["catalog"], 1300
        yield "MB", row.best["bytes"] / 1e6, 400
        yield "wall s", row.best["wall"], 2.2 * row.floor


def _against(row: PhotonRow, rows: Sequence[PhotonRow]) -> Iterator[tuple[str, float, float]]:
    for other in rows:
        if row.link != "hub" or row.area != "0.2":
            continue
        if other.way == OURS and other.granules < row.granules:
            if (other.layout, other.area, other.link) == (row.layout, row.area, row.link):
                linear = 1.1 * other.best["cpu"] * row.granules / other.granules
                what = f"CPU s, 1.1 x linear from {other.granules} granules"
                yield what, row.best["cpu"], linear
        elif row.granules == 50 and other.sitting == row.sitting:
            wall = other.scaled("wall")
            if other.way == SCRIPT:
                yield "wall s, 0.45 x the script", row.best["wall"], 0.45 * wall
            elif not other.way.startswith(("ours", SCRIPT)):
                times = 8.0
                if "threads" in other.way:
                    times = 1.5 if other.way.startswith(_INDEXED) else 3.0
                yield f"wall s, {times:g} times of it: {other.way}", row.best["wall"], wall / times
