"""One way of reading the photons of an area, in a process of its own.

``python -m benchmarks.photon_task WAY LAYOUT GRANULES AREA TRANSPORT`` prints a line of JSON. One
granule is read first, so that modules, clients and connections are there. All ways give the same:
place, time and height of the photons of the area, granule after granule and beam after beam.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, cast

import numpy as np

from benchmarks.granules import Layout
from benchmarks.photon_areas import LEAST, PHOTONS, SURFACE, Area, Columns, area_of, join, keep
from benchmarks.photon_catalog import WARM, PassGranule, Transport
from benchmarks.photon_peers import PEERS, photons_of
from benchmarks.task import ask, measured, stored
from catalog_builder.products.atl03 import BEAMS

THREADS: Final = 8
"""Of the pool that a user's script may have."""

_NAMES: Final = ("lon_ph", "lat_ph", "delta_time", "h_ph")

Way = Callable[[Sequence[PassGranule], Area, Transport], Columns]


def _ours(
    granules: Sequence[PassGranule], area: Area, transport: Transport, *, references: bool
) -> Columns:
    from catalog_builder import open_photons

    items = [granule.item(transport, references=references) for granule in granules]
    where = {"signal_conf_ph": {SURFACE: (">=", LEAST)}} if area.confident else None
    photons = open_photons(items, area.given, variables=["h_ph"], where=where)
    names = (*_NAMES, "track_pass_index", "cycle")
    return {f"heights/{name}": photons.variables[name].values for name in names}


def _script(
    granules: Sequence[PassGranule], area: Area, transport: Transport, *, threads: int
) -> Columns:
    """What it took before ``open_photons``: six loops over ``open_beams``."""
    from catalog_builder import open_beams

    items = [granule.item(transport, references=True) for granule in granules]
    wanted = [path.rpartition("/")[2] for path in area.read]

    def of_beam(beam: str) -> list[Columns]:
        opened = open_beams(items, beam, wanted, bbox=area.box)
        parts = []
        for granule in granules:
            beam_photons = opened[granule.id].to_dataset()
            parts.append(keep(area, {f"heights/{n}": beam_photons[n].values for n in wanted}))
        return parts

    of_beams = _each(of_beam, BEAMS, threads)
    return join([of_beams[n][g] for g in range(len(granules)) for n in range(len(BEAMS))])


def _peer(
    granules: Sequence[PassGranule],
    area: Area,
    transport: Transport,
    *,
    name: str,
    threads: int,
) -> Columns:
    def of_granule(granule: PassGranule) -> list[Columns]:
        with PEERS[name](granule, transport) as read:
            return photons_of(read, area)

    return join([part for parts in _each(of_granule, granules, threads) for part in parts])


def _each(call: Callable[[Any], Any], arguments: Sequence[Any], threads: int) -> list[Any]:
    if threads == 1:
        return [call(argument) for argument in arguments]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(call, arguments))


def _with_threads(name: str, way: Callable[..., Columns]) -> dict[str, Way]:
    return {
        name: partial(way, threads=1),
        f"{name} by {THREADS} threads": partial(way, threads=THREADS),
    }


WAYS: Final[dict[str, Way]] = {
    "ours": partial(_ours, references=True),
    "ours by h5py": partial(_ours, references=False),
    **_with_threads("script", _script),
    **{
        name: way
        for peer in PEERS
        for name, way in _with_threads(peer, partial(_peer, name=peer)).items()
    },
}
"""By the name in the table."""


def main() -> None:
    """Read as the command line says, and tell what it took."""
    name, kind, count, area_name, transport = sys.argv[1:]
    warnings.simplefilter("ignore")
    layout = cast("Layout", kind)
    area = area_of(area_name, layout)
    granules = [PassGranule(layout=layout, number=n) for n in range(WARM, int(count) + 1)]
    way = partial(WAYS[name], area=area, transport=cast("Transport", transport))
    try:
        way(granules[:1])
        found: dict[str, Columns] = {}
        server = ask("/-/cpu")
        took = measured(lambda: found.update(one=way(granules[1:])))
        took["server"] = ask("/-/cpu") - server
        columns = found["one"]
        took["rss"] = took["grown"] - sum(values.nbytes for values in columns.values())
        took["values"] = checksums({path: columns[path] for path in PHOTONS})
    except Exception as error:
        took = {"error": f"{type(error).__name__}: {error}"}
    sys.stdout.write(json.dumps(took) + "\n")
    sys.stdout.flush()
    # Some peers leave threads and loops that do not end well.
    os._exit(0)


def checksums(columns: Mapping[str, Any], times: int = 1) -> dict[str, list[int]]:
    """Length and checksum of each array, or of so many of it one after the other."""
    sums = {}
    for path, values in columns.items():
        data, total = np.ascontiguousarray(stored(values)).tobytes(), 1
        for _ in range(times):
            total = zlib.adler32(data, total)
        sums[path] = [times * len(values), total]
    return sums


if __name__ == "__main__":
    main()
