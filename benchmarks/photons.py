"""The photons of an area by ours, by a script, and by what other packages' users write.

``make photons-bench``: some twenty minutes; ``PHOTONS="--granules 50 --areas 0.2 --ways ours"``
takes a part of it, and ``--quick`` the least. Ways are chosen by their names, or by how those
begin. Each run is a process of its own, and so is the far store, whose processor time is told
beside.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.granules import FOLDER, LAYOUTS, Layout, make_granules
from benchmarks.photon_areas import truth_of
from benchmarks.photon_table import OURS, PhotonRow, promises, table
from benchmarks.photon_task import WAYS, checksums
from benchmarks.run import about_machine, python, say
from benchmarks.server import BANDWIDTH, LATENCY, LINK
from benchmarks.server_process import server_process

SLOW: Final = {"s3fs": 4, "earthaccess": 2, "kerchunk": 4, "ours by h5py": 4, "h5coro": 4}
"""Granules that a slow way reads at most, in threads twice as many; what it takes is linear, and
is scaled to all."""
_ROUNDS: Final = 2
"""Runs of those that are not slow, in turn; the best counts."""
_AREAS: Final = ("0.02", "0.2", "0.2 confident", "2", "coast confident")
_FEW, _SOME, _MANY = 10, 50, 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """How far the store is."""

    name: str
    transport: str
    latency: float
    bandwidth: float
    all: float
    """Bytes per second of all connections together."""

    @property
    def arguments(self) -> list[str]:
        """For ``benchmarks.server``."""
        known = {"latency": self.latency, "bandwidth": self.bandwidth, "link": self.all}
        return [text for name, value in known.items() for text in (f"--{name}", str(value))]


HUB: Final = Link(name="hub", transport="s3", latency=LATENCY, bandwidth=BANDWIDTH, all=LINK)
LAPTOP: Final = Link(
    name="laptop", transport="https", latency=LATENCY, bandwidth=BANDWIDTH, all=50e6 / 8
)
LINKS: Final = {link.name: link for link in (HUB, LAPTOP)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitting:
    """Ways of reading the same photons, which are compared."""

    layout: Layout
    area: str
    granules: int
    link: Link
    ways: tuple[str, ...]


def main() -> None:
    """Run, print, save; exit code 1 where photons are wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--granules", help="numbers between commas")
    parser.add_argument("--areas", help=f"some of {','.join(_AREAS)}")
    parser.add_argument("--ways", help="how their names begin, between commas")
    parser.add_argument("--layouts", default=",".join(LAYOUTS))
    parser.add_argument("--links", help=f"some of {','.join(LINKS)}")
    parser.add_argument("--rounds", type=int, default=_ROUNDS)
    parser.add_argument("--quick", action="store_true", help="10 granules, one area, one run each")
    parser.add_argument("--to", type=Path, default=Path(__file__).with_name("results"))
    arguments = parser.parse_args()
    sittings = list(_sittings(arguments))
    began = time.monotonic()
    say("granules (made once, some 70 s), references and items")
    make_granules()
    most = max(sitting.granules for sitting in sittings)
    with server_process("benchmarks.server", str(FOLDER)) as (endpoint,):
        python("benchmarks.photon_catalog", str(most), endpoint=endpoint)
    rows: list[PhotonRow] = []
    for link in LINKS.values():
        of_link = [sitting for sitting in sittings if sitting.link == link]
        if of_link:
            with server_process("benchmarks.server", str(FOLDER), *link.arguments) as (endpoint,):
                for sitting in of_link:
                    rows += _rows(sitting, endpoint, 1 if arguments.quick else arguments.rounds)
    about = about_machine() | {"seconds": round(time.monotonic() - began)}
    text = _text(rows, about)
    sys.stdout.write(text)
    arguments.to.mkdir(exist_ok=True)
    kept = arguments.to / f"photons-{about['date']}"
    kept.with_suffix(".md").write_text(text)
    kept.with_suffix(".json").write_text(
        json.dumps({"about": about, "rows": [asdict(row) for row in rows]}, indent=1) + "\n"
    )
    say(f"{about['seconds']} s in all; saved as {kept}.md and .json")
    sys.exit(any(row.error for row in rows))


def _sittings(arguments: argparse.Namespace) -> Iterator[Sitting]:
    """What is asked for; without ``--granules``, all ways of 50 granules and some of the rest."""
    named = arguments.ways.split(",") if arguments.ways else [""]
    every = tuple(
        way
        for way in WAYS
        if any(way == name or (name not in WAYS and way.startswith(name)) for name in named)
    )
    quick = ("ours", "script", "hidefix with saved index")
    areas = arguments.areas.split(",") if arguments.areas else _AREAS
    links = arguments.links.split(",") if arguments.links else list(LINKS)
    for layout in arguments.layouts.split(","):
        if arguments.granules or arguments.quick:
            counts = [int(n) for n in (arguments.granules or f"{_FEW}").split(",")]
            for area in areas if arguments.areas else ("0.2",):
                for count in counts:
                    ways = tuple(w for w in every if not arguments.quick or w in quick)
                    link = LINKS[links[0]]
                    yield Sitting(layout=layout, area=area, granules=count, link=link, ways=ways)
            continue
        single = tuple(way for way in every if "threads" not in way and way != "ours by h5py")
        fast = tuple(way for way in single if way.startswith(("ours", "script", "hidefix")))
        plan = [(area, _FEW, "hub", fast) for area in areas]
        if "0.2" in areas:
            plan += [("0.2", _SOME, "hub", every), ("0.2", _MANY, "hub", fast[:1])]
            laptop = tuple(way for way in single if way.startswith(("ours", "script", "h5coro")))
            plan.append(("0.2", _FEW, "laptop", laptop))
        for area, count, name, ways in plan:
            if name in links and ways:
                yield Sitting(
                    layout=layout, area=area, granules=count, link=LINKS[name], ways=ways
                )


def _rows(sitting: Sitting, endpoint: str, rounds: int) -> Iterator[PhotonRow]:
    """All ways in turn, round after round, so that a slow minute hits them all."""
    truth = truth_of(sitting.area, sitting.layout)
    runs: dict[str, list[dict[str, Any]]] = {way: [] for way in sitting.ways}
    read = {way: min(_most(way) or sitting.granules, sitting.granules) for way in sitting.ways}
    for number in range(rounds):
        for way in sitting.ways:
            if number and _most(way):
                continue
            run = _run(sitting, way, read[way], endpoint)
            runs[way].append(run)
            say(
                f"{sitting.link.name}, {sitting.layout}, {sitting.area}, {read[way]} granules: "
                f"{way}: {run['wall']:.1f} s"
                if "wall" in run
                else f"{way}: {run['error']}"
            )
    ours = next((run for run in runs.get(OURS, ()) if "wall" in run), None)
    gets = ours["gets"] + ours["catalog"] if ours else 0
    floor = truth.floor(sitting.granules, gets, sitting.link.latency, sitting.link.all)
    for way in sitting.ways:
        expected = checksums(truth.columns, read[way])
        errors = [run["error"] for run in runs[way] if "error" in run]
        wrong = [run for run in runs[way] if run.get("values", expected) != expected]
        yield PhotonRow(
            way=way,
            layout=sitting.layout,
            area=sitting.area,
            link=sitting.link.name,
            granules=sitting.granules,
            read=read[way],
            photons=sitting.granules * len(truth.columns["heights/h_ph"]),
            needed=sitting.granules * truth.bytes,
            inflate=sitting.granules * truth.inflate,
            floor=floor,
            runs=tuple(run for run in runs[way] if "error" not in run),
            error=errors[0] if errors else "WRONG PHOTONS" if wrong else None,
        )


def _most(way: str) -> int | None:
    """Granules that a way reads at most."""
    most = next((most for name, most in SLOW.items() if way.startswith(name)), None)
    return most * 2 if most and "threads" in way else most


def _run(sitting: Sitting, way: str, granules: int, endpoint: str) -> dict[str, Any]:
    words = (way, sitting.layout, str(granules), sitting.area, sitting.link.transport)
    told: dict[str, Any] = json.loads(python("benchmarks.photon_task", *words, endpoint=endpoint))
    return told


def _text(rows: Sequence[PhotonRow], about: dict[str, Any]) -> str:
    head = (
        f"Measured {about['date']} on {about['cores']} cores ({about['processor']}). hub: "
        f"{1000 * LATENCY:.0f} ms latency, {BANDWIDTH / 1e6:.0f} MB/s a connection, "
        f"{LINK / 1e9:g} GB/s in all, S3. laptop: the same latency, {LAPTOP.all * 8 / 1e6:.0f} "
        "Mbit/s in all, plain downloads over HTTP (without TLS). One file of 490 MB a layout, "
        "under the names of all granules."
    )
    parts = [head, *table(rows)]
    if checks := list(promises(rows)):
        parts += ["### What was promised", "\n".join(checks)]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
